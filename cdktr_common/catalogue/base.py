"""The three kinds of messages, the reserved keys that all of them may carry, and values.

A class is one message: its docstring is the text of the specification, `example` its first test
vector, `answers` the replies that a request may get besides `error`. The wire type is written out
at each class so that a search finds both ends.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Value(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of all values: immutable, keyword arguments only, defaults left out on the wire."""


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Reserved keys: `type` says which message, `id` ties a reply to its request, `v` is the
    protocol version."""

    id: str | None = None
    v: int = 1

    example: ClassVar[str] = ""
    answers: ClassVar[tuple[type, ...]] = ()


class Request(Message, frozen=True, kw_only=True):
    """Asked by a client. The same `id` again gets the same answer and has no second effect."""

    to: ClassVar[str] = "principal"


class Reply(Message, frozen=True, kw_only=True):
    """Answers one request; carries its `id`."""


class Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """Something that has happened, in the principal's journal and published after its commit.

    `seq` grows by one over all facts; `prev` is the seq of the fact before it on the same topic,
    so a subscriber whose last one differs knows what it missed and asks `event.list` for it."""

    seq: int = 0
    prev: int = 0
    ts: float = 0.0

    example: ClassVar[str] = ""

    def topic(self) -> str:
        """The stream this fact is published on; ends in a slash."""
        raise TypeError(f"{type(self).__name__} names no topic")
