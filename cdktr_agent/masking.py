"""Secrets are struck out of what a task writes, wherever its reads are cut.

A secret is looked for as it is, URL-encoded, and in base64 (both alphabets) as it stands within any
longer text: of the characters at its edges that share bits with what is around it, one may stay.
Longest first, from the left; all else passes unchanged. What may be the beginning of a secret waits
for what follows it. Shorter ones than `LEAST` are not looked for: they would be everywhere. Pure.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote, quote_plus

LEAST: Final = 4
"""Bytes of a secret."""

MASK: Final = b"***"


def forms(secret: bytes) -> set[bytes]:
    """All that is to be struck out for this secret."""
    if len(secret) < LEAST:
        return set()
    found = {secret}
    for encoded in (quote(secret, safe=""), quote(secret), quote_plus(secret)):
        found |= {encoded.encode(), re.sub("%..", lambda hex_: hex_[0].lower(), encoded).encode()}
    for before in range(3):
        whole = b64encode(bytes(before) + secret)
        first = (0, 2, 3)[before]
        over = (before + len(secret)) % 3
        last = len(whole) - (0, 3, 2)[over]
        stable = whole[first:last]
        found |= {stable, stable.replace(b"+", b"-").replace(b"/", b"_")}
    return {form for form in found if len(form) >= LEAST}


class Secrets:
    """What is to be struck out of all that belongs to one attempt."""

    def __init__(self, values: Iterable[bytes]) -> None:
        found = {form for value in values for form in forms(value)}
        self.patterns = sorted(found, key=lambda form: (-len(form), form))
        self._find = re.compile(b"|".join(map(re.escape, self.patterns)))
        heads = {pattern[:LEAST] for pattern in self.patterns}
        self._head = re.compile(b"(?=" + b"|".join(map(re.escape, heads)) + b")")
        self._longest = len(self.patterns[0]) if self.patterns else 0

    def __bool__(self) -> bool:
        return bool(self.patterns)

    def struck(self, text: str) -> str:
        """A whole text without them."""
        data = text.encode("utf-8", "surrogateescape")
        return self._find.sub(MASK, data).decode("utf-8", "surrogateescape") if self else text

    def value(self, value: Any) -> Any:
        """A value as JSON has it, without them; one that is no text becomes one if it is secret."""
        if isinstance(value, str):
            return self.struck(value)
        if isinstance(value, list):
            return [self.value(each) for each in value]
        if isinstance(value, dict):
            return {self.struck(key): self.value(each) for key, each in value.items()}
        if isinstance(value, int | float) and not isinstance(value, bool):
            text = str(value)
            struck = self.struck(text)
            return value if struck == text else struck
        return value

    def first(self, data: bytes, start: int) -> tuple[int, int] | None:
        """Where the next one begins and ends."""
        found = self._find.search(data, start)
        return None if found is None else found.span()

    def begun(self, data: bytes, start: int) -> int:
        """From where on the data may be the beginning of one that is not whole yet."""
        size = len(data)
        since = max(start, size - self._longest + 1)
        for found in self._head.finditer(data, since):
            if self._is_beginning(data[found.start() :]):
                return found.start()
        for at in range(max(since, size - LEAST + 1), size):
            if self._is_beginning(data[at:]):
                return at
        return size

    def _is_beginning(self, rest: bytes) -> bool:
        return any(len(rest) < len(form) and form.startswith(rest) for form in self.patterns)


class Masker:
    """Strikes secrets out of one stream."""

    __slots__ = ("_rest", "_secrets")

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """What may be passed on now."""
        data = self._rest + data if self._rest else data
        parts: list[bytes] = []
        at = 0
        wait = self._secrets.begun(data, 0)
        while (found := self._secrets.first(data, at)) is not None and found[0] < wait:
            parts += (data[at : found[0]], MASK)
            at = found[1]
            if at > wait:
                wait = self._secrets.begun(data, at)
        parts.append(data[at:wait])
        self._rest = data[wait:]
        return b"".join(parts)

    def end(self) -> bytes:
        """What still waits: it was the beginning of none."""
        parts: list[bytes] = []
        at = 0
        while (found := self._secrets.first(self._rest, at)) is not None:
            parts += (self._rest[at : found[0]], MASK)
            at = found[1]
        parts.append(self._rest[at:])
        self._rest = b""
        return b"".join(parts)
