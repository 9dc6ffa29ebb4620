"""The principals that the settings name: where each is, and how people want it told apart.

A bare address is a whole entry. Values only: what a colour looks like, and what is asked of people
before they change something at a protected one, is the business of those who show it.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

SOCKET: Final = "/run/principal.sock"
"""Where a principal's socket is below its home."""

_COLOR: Final = re.compile(r"#[0-9a-fA-F]{3}|#[0-9a-fA-F]{6}|[a-z][a-z0-9_-]{0,31}")


class Principal(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of them. `address` is HOST, HOST:PORT, tcp://HOST:PORT, or ipc:// and the path of its
    socket. `color`: in which its name is shown. `protected`: people are asked by name before they
    change anything there. `read_only`: by this name nothing is changed at all."""

    address: str
    color: str = ""
    protected: bool = False
    read_only: bool = False

    def __post_init__(self) -> None:
        if self.color and not _COLOR.fullmatch(self.color):
            raise ValueError(f"'{self.color[:40]}' is no colour: a name like red, or #rrggbb")
        if self.address.startswith("ipc://"):
            if not self.address.startswith("ipc:///") or not self.address.endswith(SOCKET):
                raise ValueError(f"'{self.address[:200]}' is not ipc:///HOME{SOCKET}")
        else:
            split_host_port(self.address.removeprefix("tcp://"))

    @property
    def home(self) -> str | None:
        """The home whose socket it is; None: it is reached over TCP."""
        if not self.address.startswith("ipc://"):
            return None
        return self.address.removeprefix("ipc://").removesuffix(SOCKET) or "/"

    @property
    def endpoint(self) -> str:
        """The address in full."""
        if self.home is not None:
            return self.address
        host, port = split_host_port(self.address.removeprefix("tcp://"))
        return f"tcp://{host}:{port}"


def principal_of(value: str | Principal) -> Principal:
    """An entry of the settings."""
    return Principal(address=value) if isinstance(value, str) else value


def split_host_port(text: str) -> tuple[str, int]:
    """`HOST:PORT` or `HOST`, taken apart. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon and text:
        return text, 5561
    if not port.isdigit() or not host or int(port) > 65535:
        raise ValueError(f"'{text}' is not HOST:PORT")
    return host, int(port)
