// Debian's Lua is hardened: an error leaves a call by glibc's __longjmp_chk, which ThreadSanitizer
// does not see. It then believes that the functions that were left still run: its stacks and with
// them its memory grow by every error, 24 GB in a fuzz replay. Linked into what uses Lua, in builds
// with that sanitizer only.
#include <setjmp.h>

__attribute__((visibility("default"), noreturn)) void __longjmp_chk(jmp_buf place, int value);

void __longjmp_chk(jmp_buf place, int value)
{
    longjmp(place, value);
}
