"""When stdout takes no more, since its reader is gone or its disk is full: how it is told, and the
exit code. Whoever reads the results has to know that they are not all there."""

from __future__ import annotations

import errno
import os
from typing import Final, NoReturn

from cdktr_common import cli
from cdktr_common.errors import BAD_SETTINGS, BUSY, CLOSED_PIPE

_EXITS: Final = {errno.EPIPE: CLOSED_PIPE, errno.ENOSPC: BUSY, errno.EDQUOT: BUSY}


def why(fault: OSError) -> str:
    """In words."""
    if fault.errno == errno.EPIPE:
        return "stdout was closed"
    return f"stdout cannot be written: {fault.strerror}"


def give_up(fault: OSError) -> int:
    """The exit code. What is still to be written goes nowhere: Python would try again at its end,
    and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return _EXITS.get(fault.errno or 0, BAD_SETTINGS)


def end(program: str, fault: OSError, taken: str) -> NoReturn:
    """End the program with what was done all the same."""
    cli.fail(program, f"{why(fault)}; {taken}", give_up(fault))
