"""Sockets that write down what goes through them, for tests: on when CDKTR_TAP names a directory.

Each process appends to a file of its own there, one JSON object a message: `way` (in, out, pub),
`front` (all frames but the last, in hex) and `body`. Afterwards a test holds everything that was
said against the catalogue. Bodies over a limit are cut to nothing: they say what others say.
"""

from __future__ import annotations

import json
import os
from typing import Any, Final

import zmq

LONGEST: Final = 1 << 16
MOST_BYTES: Final = 8 << 20
"""After so much a process writes no more."""

_state: dict[str, Any] = {"fd": None, "bytes": 0}


def record(way: str, frames: list[bytes]) -> None:
    """Append one message; never in the way of the program."""
    if _state["fd"] is None:
        path = os.path.join(os.environ["CDKTR_TAP"], f"{os.getpid()}-{os.urandom(3).hex()}.jsonl")
        _state["fd"] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    if len(frames[-1]) > LONGEST or _state["bytes"] > MOST_BYTES:
        return
    front = [frame.hex() for frame in frames[:-1]]
    body = frames[-1].decode("utf-8", "replace")
    line = json.dumps({"way": way, "front": front, "body": body}).encode() + b"\n"
    _state["bytes"] += len(line)
    os.write(_state["fd"], line)


class TappedSocket(zmq.Socket[bytes]):
    """A server's or publisher's socket that writes down."""

    _frames: list[bytes] = []

    def recv(self, flags: int = 0, *args: Any, **options: Any) -> Any:
        frame = super().recv(flags, *args, **options)
        if self.getsockopt(zmq.TYPE) == zmq.ROUTER:
            self._frames.append(frame)
            if not self.getsockopt(zmq.RCVMORE):
                record("in", self._frames)
                self._frames.clear()
        return frame

    def send_multipart(self, msg_parts: Any, *args: Any, **options: Any) -> Any:
        way = "out" if self.getsockopt(zmq.TYPE) == zmq.ROUTER else "pub"
        record(way, [bytes(part) for part in msg_parts])
        return super().send_multipart(msg_parts, *args, **options)
