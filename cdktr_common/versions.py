"""Two programs that speak different protocols: which of them to upgrade, and to what.

Within one protocol version old and new programs work together; between two they refuse each other
at the first message, in words that name both. Knows numbers and names, no message.
"""

from __future__ import annotations

from cdktr_common import PROTOCOL, __version__
from cdktr_common.errors import ProtocolError


def check(own: str, other: str, version: str, protocol: int) -> None:
    """Does `other`, which says that it is of that version, speak as `own` does? Raises
    ProtocolError `version`."""
    if protocol != PROTOCOL:
        raise ProtocolError("version", skew(own, other, version, protocol))


def skew(own: str, other: str, version: str, protocol: int) -> str:
    """What is wrong and what to do, in one sentence. The one that speaks the older protocol is to
    be upgraded, at least to the version of the other."""
    other = other[:40].replace("_", "-") or "the program that asks"
    shown = f"{other} {version[:40]}" if version else other
    said = f"{shown} speaks protocol {protocol}, {own} {__version__} speaks protocol {PROTOCOL}"
    if protocol < PROTOCOL:
        return f"{said}: upgrade {other} to version {__version__} or later"
    to = f"version {version[:40]} or later" if version else f"one that speaks protocol {protocol}"
    return f"{said}: upgrade {own} to {to}"
