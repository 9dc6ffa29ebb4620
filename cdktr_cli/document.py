"""A workflow file that is run without being stored: its text, and its faults shown in it.

The principal reads it with the same loader as stored files and answers with one fault a line; the
lines they speak of are here. Knows the form of a fault, nothing of workflows.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import NamedTuple

LIMIT = 2 << 20
"""Bytes a workflow file may have."""

_WIDTH = 100


class BadDocument(Exception):
    """The file cannot be sent; the text says why."""


class Document(NamedTuple):
    """What is sent: the text, and how faults name its file."""

    file: str
    text: str


def read(source: str) -> Document:
    """The file named, or `-` for stdin. Raises BadDocument, and OSError."""
    if source == "-":
        name, data = "<stdin>", sys.stdin.buffer.read(LIMIT + 1)
    else:
        name = "".join(char if char.isprintable() else "?" for char in source)
        with open(source, "rb") as file:
            data = file.read(LIMIT + 1)
    if len(data) > LIMIT:
        raise BadDocument(f"{name}: larger than {LIMIT >> 20} MiB")
    try:
        return Document(name, data.decode())
    except UnicodeDecodeError as fault:
        line = data.count(b"\n", 0, fault.start) + 1
        column = fault.start - data.rfind(b"\n", 0, fault.start)
        raise BadDocument(f"{name}:{line}:{column}: not UTF-8") from None


def explain(document: Document, faults: str) -> Iterator[str]:
    """The faults, each with the line it is about and a mark under the place."""
    lines = document.text.removeprefix("\ufeff").splitlines()
    for fault in faults.split("\n"):
        yield "".join(char if char.isprintable() else " " for char in fault)
        place = re.match(r"(\d+):(\d+):", fault.removeprefix(f"{document.file}:"))
        if place and 0 < int(place[1]) <= len(lines):
            yield from _caret(lines[int(place[1]) - 1], int(place[2]))


def _caret(line: str, col: int) -> Iterator[str]:
    """The line, or the part of a long one around the place, and a mark below it."""
    line = "".join(char if char.isprintable() else " " for char in line)
    start = max(0, col - _WIDTH // 2) if len(line) > _WIDTH else 0
    yield "    " + line[start : start + _WIDTH].rstrip()
    yield "    " + " " * (col - 1 - start) + "^"
