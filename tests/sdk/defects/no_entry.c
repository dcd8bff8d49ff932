/* finds: file: it exports no swarm_module_v1 */
int answer(void);

int answer(void)
{
	return 42;
}
