"""What the programs said to each other while the tests ran, held against the catalogue.

Read from the files that `cdktr_common.tap` wrote. It knows the catalogue, no program.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from cdktr_common.catalogue import FACTS, PUBLISHED, REPLIES, REQUESTS
from cdktr_common.codec import head, tag_of
from cdktr_common.errors import CODES

TAKEN = {tag_of(kind): kind for kind in REQUESTS}
GIVEN = {tag_of(kind): kind for kind in REPLIES}
SHOWN = {str(kind.__struct_config__.tag): kind for kind in (*FACTS, *PUBLISHED)}


def messages(directory: Path) -> Iterator[tuple[str, list[str], bytes]]:
    """All that was recorded, a process after another, each in its order. What stands before a body
    begins with the name of the file: names of sockets mean something within a process alone."""
    for file in sorted(directory.glob("*.jsonl")):
        for line in file.read_text().splitlines():
            try:
                message: dict[str, Any] = json.loads(line)
            except ValueError:
                continue  # cut off by a kill -9
            yield message["way"], [file.stem, *message["front"]], message["body"].encode()


class Traffic:
    """`seen`: every type that travelled; `dated`: those that told when they were sent; `faults`:
    every message that the catalogue forbids."""

    def __init__(self, directory: Path) -> None:
        self.seen: set[str] = set()
        self.dated: set[str] = set()
        self.faults: list[str] = []
        self.count = 0
        self._asked: dict[tuple[str, ...], set[str]] = {}
        for way, front, body in messages(directory):
            self.count += 1
            {"in": self._request, "out": self._reply, "pub": self._published}[way](front, body)

    def _request(self, front: list[str], body: bytes) -> None:
        said = head(body)
        # Who gives no ids may ask several things at once, and names of sockets come again.
        self._asked.setdefault((*front, said.id or ""), set()).add(said.type)
        kind = TAKEN.get(said.type)
        if kind is None:
            return  # a test's bad input; it must be answered with an error
        try:
            msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return  # likewise
        self.seen.add(said.type)
        if said.type in ("agent.hello", "task.fetch") and b'"sent_s":' in body:
            self.dated.add(said.type)

    def _reply(self, front: list[str], body: bytes) -> None:
        said = head(body)
        asked = self._asked.get((*front, said.id or ""), set())
        kind = GIVEN.get(said.type)
        if kind is None:
            self.faults.append(f"unknown reply {body[:200]!r}")
            return
        reply = self._fits(body, kind)
        if said.type == "error":
            code = getattr(reply, "code", None)
            if code not in CODES:
                self.faults.append(f"unknown error code {code} to {asked}")
        elif (
            asked and asked <= TAKEN.keys() and not any(kind in TAKEN[one].answers for one in asked)
        ):
            self.faults.append(f"{', '.join(asked)} was answered with {said.type}")
        for fact in getattr(reply, "events", ()):
            self._listed(bytes(fact))
        self.seen.add(said.type)

    def _listed(self, body: bytes) -> None:
        """A fact in a page of the journal: as good as a published one, and far more are."""
        kind = SHOWN.get(head(body).type)
        if kind is None:
            self.faults.append(f"listed: {body[:200]!r}")
        elif self._fits(body, kind) is not None:
            self.seen.add(head(body).type)

    def _published(self, front: list[str], body: bytes) -> None:
        said = head(body)
        topic = bytes.fromhex(front[1]).decode() if front[1:] else ""
        kind = SHOWN.get(said.type)
        if kind is None or len(front) != 2:
            self.faults.append(f"published on {topic}: {body[:200]!r}")
            return
        fact = self._fits(body, kind)
        own = getattr(fact, "topic", None)
        if own is not None and own() != topic:
            self.faults.append(f"{said.type} was published on {topic} and belongs on {own()}")
        self.seen.add(said.type)

    def _fits(self, body: bytes, kind: type) -> object:
        try:
            return msgspec.json.decode(body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as fault:
            self.faults.append(f"{fault}: {body[:300]!r}")
            return None

    def never_seen(self) -> list[str]:
        """Entries of the catalogue that did not travel."""
        return sorted({*TAKEN, *GIVEN, *SHOWN} - self.seen)
