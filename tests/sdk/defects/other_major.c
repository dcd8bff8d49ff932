/* finds: file: it is a module of ABI 7.x
 * flags: -fvisibility=default */
const void *swarm_module_v7(void);

const void *swarm_module_v7(void)
{
	return 0;
}
