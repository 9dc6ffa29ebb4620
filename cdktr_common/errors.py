"""The closed table of error codes, and the exit codes of every program.

A `ProtocolError` is an answer, never a crash: it becomes an `error` reply on the wire, a line on
stderr and an exit code in a command. Any other exception is a bug and ends the program.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NOT_FOUND: Final = 3
INVALID: Final = 4
CONFLICT: Final = 5
UNREACHABLE: Final = 69
DAMAGED: Final = 74
BUSY: Final = 75
DENIED: Final = 77
BAD_SETTINGS: Final = 78
TIMED_OUT: Final = 124
OWN_FAULT: Final = 125
CANCELLED: Final = 130
CLOSED_PIPE: Final = 141


class Code(NamedTuple):
    """What an error code means, whether the same request may succeed later, what a command
    exits with."""

    meaning: str
    retry: bool
    exit: int


CODES: Final[dict[str, Code]] = {
    "bad_message": Code("no JSON, or more than one value, in the last frame", False, USAGE),
    "unknown_type": Code("no such message is taken here", False, USAGE),
    "bad_field": Code(
        "no object, or a key is missing or has the wrong type or range", False, USAGE
    ),
    "too_large": Code("the message or a part of it is over a stated limit", False, USAGE),
    "version": Code("the two programs speak different protocol versions", False, CONFLICT),
    "not_found": Code("no such workflow, run, task or agent", False, NOT_FOUND),
    "ambiguous": Code("the name or the beginning of an id fits several", False, CONFLICT),
    "invalid": Code("the definition has faults", False, INVALID),
    "conflict": Code("it contradicts what is there: a key with other content", False, CONFLICT),
    "unknown_agent": Code("the agent has to say hello first", True, CONFLICT),
    "denied": Code("not allowed", False, DENIED),
    "busy": Code("a limit of what can be in work is reached; try again later", True, BUSY),
    "disk_full": Code("there is no room to record it; try again later", True, BUSY),
    "damaged": Code("a part of the store is not what was written", False, DAMAGED),
    "unavailable": Code("a part that is needed is not there now", True, UNREACHABLE),
    "timeout": Code("no answer within the time given", True, UNREACHABLE),
}


class Refusal(Exception):
    """An expected end of a program: one line on stderr and an exit code. No bug."""

    @property
    def exit(self) -> int:
        """The exit code of a program that ends with this."""
        return FAILED


class ProtocolError(Refusal):
    """An expected refusal with a code from `CODES`."""

    def __init__(
        self, code: str, detail: str, near: Sequence[str] = (), *, retry: bool | None = None
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.near = list(near)
        self._retry = retry

    @property
    def retry(self) -> bool:
        """May the very same request succeed later? As it was told, else as the table has it."""
        if self._retry is not None:
            return self._retry
        return CODES[self.code].retry if self.code in CODES else False

    @property
    def exit(self) -> int:
        """The exit code of a command that ends with this error."""
        return CODES[self.code].exit if self.code in CODES else FAILED


class Unreachable(ProtocolError):
    """Nobody answered at an endpoint within the time given."""

    def __init__(self, endpoint: str, seconds: float, hint: str = "") -> None:
        super().__init__("timeout", f"no answer from {endpoint} within {seconds:g} s{hint}")
        self.endpoint = endpoint
