"""Replaces itself by another program that gets a signal when its parent dies. Run by path, without other modules.

`exec_with_death_signal.py PARENT SIGNAL USER KEEP_ACCESS PROGRAM ARGUMENT…`; USER "" keeps the user.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG, PR_SET_SECUREBITS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 28, 47, 2
SECBIT_NO_SETUID_FIXUP = 4
CAPABILITY_VERSION_3 = 0x20080522
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2


def main(parent: str, signal: str, user: str, keep_access: str, *command: str) -> None:
    if user:
        _become(int(user), keep_access=keep_access == "1")
    if sys.platform == "linux":
        # After the change of user, because that clears it.
        _libc().prctl(PR_SET_PDEATHSIG, int(signal), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit("the parent died before the start")
    os.execv(command[0], command)  # noqa: S606


def _become(user: int, *, keep_access: bool) -> None:
    """Change to the user id `user`. With `keep_access` it may traverse folders closed to others, such as /root."""
    if keep_access:
        # The change of user then keeps the rights that are narrowed below, and access(2), which initdb asks, sees them.
        _libc().prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    if keep_access:
        _keep_access()


def _keep_access() -> None:
    libc = _libc()
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    permitted = (ctypes.c_uint32 * 6)()
    libc.capget(header, permitted)
    capabilities = permitted[1] & (1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH)
    libc.capset(header, (ctypes.c_uint32 * 6)(capabilities, capabilities, capabilities, 0, 0, 0))
    for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
        libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None)


if __name__ == "__main__":
    main(*sys.argv[1:])
