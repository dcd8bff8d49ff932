/* A shared object that is no module: the entry function is missing. */
int not_a_module(void);

int not_a_module(void)
{
	return 0;
}
