/* finds: hardened: it has text relocations
 * flags: -Wl,-z,notext */
#include <swarm/swarm.h>

/* An address of this object, in the code: to be patched when it is loaded. */
__asm__(".pushsection .text\n.globl there\n.hidden there\n"
    "there: .quad there\n.popsection\n");

SWARM_MODULE(.summary = "cannot share its code");
