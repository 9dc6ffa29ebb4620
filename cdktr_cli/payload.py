"""The payload of an event or a run, from the command line, a file or a pipe.

It is checked here, so that a mistake is told with its position before anything is sent, and then
carried as it was written. What it means is known to the tasks alone.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any, Final, NoReturn

LIMIT = 256 << 10
"""Bytes a payload may have."""

DIGITS: Final = 300
"""Characters of a whole number; with more it would not be read where it comes to."""


class BadPayload(Exception):
    """The payload cannot be sent; the text says why and where."""


def read(source: str) -> bytes:
    """The payload named by `--payload`: JSON itself, `-` for stdin, `@FILE`. One line of JSON
    comes back. Raises BadPayload."""
    if source == "-":
        where, body = read_bytes(source)
    elif source.startswith("@"):
        where, body = read_bytes(source[1:])
    else:
        where, body = "--payload", source.encode("utf-8", "surrogateescape")
    return check(body, where)


def read_bytes(path: str) -> tuple[str, bytes]:
    """The name and the content of a file, `-` being stdin. Raises BadPayload."""
    if path == "-":
        if sys.stdin is None:
            raise BadPayload("stdin is closed")
        where, body = "stdin", sys.stdin.buffer.read(LIMIT + 1)
    else:
        try:
            with open(path, "rb") as file:
                where, body = path, file.read(LIMIT + 1)
        except OSError as fault:
            raise BadPayload(f"{path}: {fault.strerror}") from None
    return where, body


def bound(body: bytes, where: str) -> None:
    """Raises BadPayload when it is larger than data may be."""
    if len(body) > LIMIT:
        raise BadPayload(
            f"{where}: larger than {LIMIT >> 10} KiB; put the data where the tasks can read it and "
            "send its name"
        )


def check(body: bytes, where: str) -> bytes:
    """`body` on one line if it is JSON. Raises BadPayload naming the position."""
    bound(body, where)
    try:
        text = body.decode("utf-8")
        loads(text, where)
    except UnicodeDecodeError as fault:
        raise BadPayload(f"{where}: not UTF-8 at byte {fault.start}") from None
    except json.JSONDecodeError as fault:
        what = (fault.msg[0].lower() + fault.msg[1:]).removesuffix(" at")
        what = "it begins with a byte order mark" if text.startswith("\ufeff") else what
        position = f"line {fault.lineno} column {fault.colno}"
        raise BadPayload(f"{where}: not JSON: {what} at {position}") from None
    except RecursionError:
        raise BadPayload(f"{where}: nested too deeply") from None
    except ValueError as fault:
        raise BadPayload(f"{where}: not JSON: {fault}") from None
    refuse_half_characters(text, where)
    # JSON has line ends only between values, where a space means the same.
    return text.replace("\r", " ").replace("\n", " ").encode()


def refuse_half_characters(text: str, where: str) -> None:
    """Half of a surrogate pair is JSON, but no text: nothing could store or pass it on."""
    if "\\u" not in text:
        return
    import re

    for escape in re.finditer(
        r"\\(?:u[dD][89abAB]..\\u[dD][c-fC-F]..|(?P<half>u[dD][89a-fA-F]..)|.)", text
    ):
        if escape["half"]:
            line = text.count("\n", 0, escape.start()) + 1
            column = escape.start() - text.rfind("\n", 0, escape.start())
            raise BadPayload(
                f"{where}: not Unicode: \\{escape['half']} is half of a surrogate pair at "
                f"line {line} column {column}"
            )


def loads(text: str, where: str) -> Any:
    """What JSON says. Raises ValueError when it is none, BadPayload for a number that cannot be
    sent."""

    def constant(word: str) -> NoReturn:
        raise BadPayload(f"{where}: not JSON: {word} is no JSON value")

    def number(word: str) -> int | float:
        value = sendable(word)
        if value is None:
            raise BadPayload(f"{where}: {too_large(word)}")
        return value

    return json.loads(text, parse_constant=constant, parse_int=number, parse_float=number)


def sendable(word: str) -> int | float | None:
    """A decimal number; None when it is larger than one may be that is sent."""
    if word.lstrip("+-").isdigit():
        return int(word) if len(word) <= DIGITS else None
    value = float(word)
    return value if math.isfinite(value) else None


def too_large(word: str) -> str:
    """Says so, with the beginning of a long number."""
    return f"the number {word if len(word) <= 24 else word[:24] + '…'} is too large"
