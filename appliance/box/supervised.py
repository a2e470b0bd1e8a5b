"""`python -m appliance.box.supervised PID COMMAND...`: a `ridge` command that ends when its supervisor does.

A supervisor that was killed cannot stop its children, and children left alone would hold the ports and the
locks that the next appliance needs.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

from appliance import cli

#: prctl(2), linux/prctl.h
_PR_SET_PDEATHSIG: Final = 1


def follow(supervisor: int) -> bool:
    """Have the kernel send SIGTERM when the parent process dies; false where it is dead already."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    return os.getppid() == supervisor


def main(arguments: list[str]) -> int:
    """Follow the supervisor whose process id comes first, and run the command that comes after it."""
    if not follow(int(arguments[0])):
        return 1
    return cli.main(arguments[1:])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
