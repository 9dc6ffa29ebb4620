"""The agent's outbox and spool: killed at every effect, torn at every byte, after power failures.

The outbox: what was kept before the crash and not acknowledged is there, nothing else is. The
spool: what can be read is the beginning of what was written, and a later supervisor closes it.
"""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import pytest

from cdktr_agent import outbox as boxes
from cdktr_agent import records as spools
from cdktr_agent.outbox import Outbox
from cdktr_agent.spool import Budget, Spool
from cdktr_common.catalogue.values import TaskResult
from tests.crash.effects import Crash, Effects


class Told:
    """What a supervisor could rely on when it died: kept, and perhaps kept; the same for acks."""

    def __init__(self) -> None:
        self.kept: set[str] = set()
        self.trying: set[str] = set()
        self.acknowledged: set[str] = set()


def fill(path: Path, told: Told) -> None:
    """Results come and are acknowledged; the file is written anew now and then."""
    box = Outbox(str(path))
    for number in range(12):
        tokens = {f"t{number}-{i}" for i in range(1 + number % 3)}
        told.trying |= tokens
        box.add([TaskResult(token=token, state="COMPLETED", code=0) for token in tokens], 0.0)
        told.kept |= tokens
        if number % 2:
            done = sorted(told.kept - told.acknowledged)[:2]
            told.acknowledged |= set(done)
            box.ack(done)
        if number % 4 == 3:
            box.sync()


def emptied(box: Outbox) -> set[str]:
    os.close(box._fd)
    return set(box.results)


def killed_outbox(directory: Path, at: int | None, half: bool) -> tuple[Told, Effects]:
    directory.mkdir()
    told, effects = Told(), Effects(at, half)
    try:
        with effects.counted(), mock.patch.object(boxes, "COMPACT", 300):
            fill(directory / "outbox.jsonl", told)
    except Crash:
        pass
    return told, effects


def test_no_result_is_lost_by_a_kill(ram: Path) -> None:
    _, whole = killed_outbox(ram / "whole", None, False)
    assert whole.count > 25
    for at in range(1, whole.count + 1):
        for half in (False, True):
            directory = ram / f"{at}-{half}"
            told, _ = killed_outbox(directory, at, half)
            found = emptied(Outbox(str(directory / "outbox.jsonl")))
            assert found >= told.kept - told.acknowledged, "a result that was kept is lost"
            assert found <= told.trying


def test_a_power_failure_takes_only_what_was_not_synced(ram: Path) -> None:
    told, effects = killed_outbox(ram / "o", None, False)
    for step, keep in enumerate((0.9, 0.6, 0.3, 0.0)):
        effects.power_failure(ram / "o", keep)
        found = emptied(Outbox(str(ram / "o" / "outbox.jsonl")))
        assert found <= told.trying, step


def test_an_outbox_torn_at_every_byte_opens(ram: Path) -> None:
    path = ram / "outbox.jsonl"
    told = Told()
    fill(path, told)
    data = path.read_bytes()
    before: set[str] = set()
    for cut in range(len(data)):
        path.write_bytes(data[:cut])
        found = emptied(Outbox(str(path)))
        assert found <= told.kept
        if data[:cut].endswith(b"\n"):
            before = found
        assert found == before, "half a line counts for nothing"


LINES = [b"%d %s\n" % (i, b"x" * (i * 7 % 60)) for i in range(30)]


def killed_spool(directory: Path, at: int | None, half: bool) -> tuple[bytes, Effects]:
    """Output is spooled in several parts; what had been taken when it died."""
    directory.mkdir()
    effects, taken = Effects(at, half), b""
    changed: set[str] = set()
    try:
        with effects.counted(), mock.patch("cdktr_agent.spool.SEGMENT", 500):
            spool = Spool(str(directory), "b-1", Budget(1 << 20), changed)
            spool.begin("w", "r", "t", 1)
            for line in LINES:
                spool.write(0, line, 1.0)
                taken += line
            spool.close(2.0)
    except Crash:
        pass
    return taken, effects


def stored(directory: Path) -> bytes:
    """What a network process would send: the records of all parts, in order."""
    found = b""
    for path in sorted(directory.iterdir(), key=lambda path: int(path.suffix[1:])):
        fd = os.open(path, os.O_RDONLY)
        header = spools.read_header(fd)
        if header is not None:
            assert header[0].at[0][0] == len(found), "the parts follow one another"
            for record in spools.read_records(fd, header[1], 1 << 20):
                if record.stream == 0:
                    assert record.offset == len(found)
                    found += record.data
        os.close(fd)
    return found


def finished(directory: Path) -> None:
    """A new supervisor brings in order what it finds."""
    for path in list(directory.iterdir()):
        if not spools.finish(str(path), 3.0):
            path.unlink()


def test_what_is_spooled_is_the_beginning_of_what_was_printed(ram: Path) -> None:
    whole = b"".join(LINES)
    _, effects = killed_spool(ram / "whole", None, False)
    assert effects.count > 30
    for at in range(1, effects.count + 1):
        for half in (False, True):
            directory = ram / f"{at}-{half}"
            taken, _ = killed_spool(directory, at, half)
            for _ in range(2):
                found = stored(directory)
                assert whole.startswith(found)
                assert len(found) >= len(taken), "what was taken is in the file"
                finished(directory)
            parts = sorted(directory.iterdir(), key=lambda path: int(path.suffix[1:]))
            if parts:
                fd = os.open(parts[-1], os.O_RDONLY)
                found_header = spools.read_header(fd)
                assert found_header is not None
                last = list(spools.read_records(fd, found_header[1], 1 << 20))[-1]
                assert last.stream == spools.CONTROL, "it is closed"
                os.close(fd)


@pytest.mark.parametrize("tail", [b"", b"\0" * 40, b"\xff" * 60])
def test_a_spool_torn_at_every_byte_is_closed_where_it_is_whole(ram: Path, tail: bytes) -> None:
    whole = b"".join(LINES)
    with mock.patch("cdktr_agent.spool.SEGMENT", 1 << 20):
        spool = Spool(str(ram), "b-1", Budget(1 << 20), set())
        spool.begin("w", "r", "t", 1)
        for line in LINES[:8]:
            spool.write(0, line, 1.0)
    path = ram / "b-1.0"
    data = path.read_bytes()
    for cut in range(1, len(data), 3):
        path.write_bytes(data[:cut] + tail)
        if spools.finish(str(path), 3.0):
            assert whole.startswith(stored(ram))
        else:
            assert b"\n" not in data[:cut], "only one without a whole header is given up"
