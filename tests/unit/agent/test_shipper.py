"""Output on its way to a logd that takes it, takes half of it, refuses it, or is another one."""

from __future__ import annotations

import base64
import os
import random
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from cdktr_agent import shipper as shipping
from cdktr_agent.shipper import Shipper
from cdktr_agent.spool import Budget, Spool
from cdktr_common.catalogue import Reply
from cdktr_common.catalogue.logd import LogAppend, LogAppended
from cdktr_common.catalogue.values import LogMark
from cdktr_common.codec import encode
from cdktr_common.errors import ProtocolError
from cdktr_common.sockets import MAX_REQUEST

Answered = Callable[[Reply | ProtocolError], None]


class Logd:
    """Stores what follows on; answers when told to, as the real one would."""

    def __init__(self) -> None:
        self.stored: dict[tuple[str, str], bytearray] = {}
        self.ended: set[tuple[str, str]] = set()
        self.asked: list[tuple[LogAppend, Answered]] = []

    def send(self, request: LogAppend, answered: Answered) -> None:
        assert len(encode(request)) < MAX_REQUEST
        self.asked.append((request, answered))

    def answer(self, take: int = 1_000_000) -> None:
        """Answer the oldest request after storing at most `take` chunks of it."""
        request, answered = self.asked.pop(0)
        marks = {}
        for index, chunk in enumerate(request.chunks):
            key = (chunk.task, chunk.stream)
            stored = self.stored.setdefault(key, bytearray())
            data = base64.b64decode(chunk.b64) if chunk.b64 else (chunk.text or "").encode()
            if index < take and chunk.offset <= len(stored):
                stored += data[len(stored) - chunk.offset :]
                if chunk.end and chunk.offset == len(stored):
                    self.ended.add(key)
            marks[key] = LogMark(
                run=chunk.run, task=chunk.task, n=chunk.n, stream=chunk.stream, offset=len(stored)
            )
        answered(LogAppended(marks=list(marks.values())))


class Stand:
    """A spool directory with a shipper and a logd."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.complaints: list[str] = []
        self.logd = Logd()
        self.shipper = Shipper(str(directory), "a1", self.complaints.append)
        self.shipper.connect(self.logd.send)
        self.changed: set[str] = set()
        self.count = 0

    def spool(self, task: str) -> Spool:
        self.count += 1
        made = Spool(str(self.directory), f"s{self.count}", Budget(1 << 30), self.changed)
        made.begin("etl", "r", task, 1)
        return made

    def tell(self) -> None:
        self.shipper.grown(list(self.changed))
        self.changed.clear()
        self.shipper.pump()

    def finish(self) -> None:
        """Answer everything until nothing is left."""
        for _ in range(1000):
            self.shipper.paused = False
            self.shipper.pump()
            if not self.logd.asked:
                break
            self.logd.answer()
        assert self.shipper.empty
        assert list(self.directory.iterdir()) == []


@pytest.fixture
def stand(tmp_path: Path) -> Stand:
    return Stand(tmp_path)


def test_many_small_outputs_share_a_window_and_their_files_go(stand: Stand) -> None:
    for number in range(50):
        spool = stand.spool(f"t{number}")
        spool.write(0, b"out\n", 1.0)
        spool.write(1, b"err\xff\n", 1.0)
        spool.close(2.0)
    stand.tell()
    assert len(stand.logd.asked) == 1
    stand.finish()
    assert stand.logd.stored[("t7", "stdout")] == b"out\n"
    assert stand.logd.stored[("t7", "stderr")] == b"err\xff\n"
    assert len(stand.logd.ended) == 100
    assert stand.shipper.freed > 0


def test_a_file_stays_until_its_attempt_is_over(stand: Stand) -> None:
    spool = stand.spool("t")
    spool.write(0, b"one\n", 1.0)
    stand.tell()
    stand.logd.answer()
    stand.shipper.pump()
    assert not stand.shipper.empty
    spool.write(0, b"two\n", 1.0)
    spool.close(2.0)
    stand.tell()
    stand.finish()
    assert stand.logd.stored[("t", "stdout")] == b"one\ntwo\n"


def test_windows_stay_far_from_the_largest_message(stand: Stand) -> None:
    spool = stand.spool("t")
    blob = b"\x01" * (2 << 20)  # six bytes each in JSON
    for at in range(0, len(blob), 1 << 16):
        spool.write(0, blob[at : at + (1 << 16)], 1.0)
    spool.close(2.0)
    stand.tell()
    assert 1 < len(stand.logd.asked) <= shipping.IN_FLIGHT
    stand.finish()
    assert stand.logd.stored[("t", "stdout")] == blob


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_taken_everything_arrives_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("cdktr_agent.spool.SEGMENT", 50_000)
    monkeypatch.setattr(shipping, "WINDOW", 20_000)
    chance = random.Random(seed)
    stand = Stand(tmp_path)
    spools = {f"t{i}": stand.spool(f"t{i}") for i in range(3)}
    names = ("stdout", "artifact/a", "artifact/dir/b")
    written = {(task, name): bytearray() for task in spools for name in names}
    for _ in range(300):
        task, name = chance.choice(list(written))
        data = chance.randbytes(chance.randrange(1, 3000))
        if name == "stdout":
            spools[task].write(0, data, 1.0)
        else:
            assert spools[task].put(name, data, 1.0, last=False)
        written[task, name] += data
        if chance.random() < 0.5:
            stand.tell()
        if stand.logd.asked and chance.random() < 0.5:
            kind = chance.random()
            if kind < 0.7:
                stand.logd.answer()
            elif kind < 0.85:
                stand.logd.answer(take=chance.randrange(3))
            elif kind < 0.95:
                stand.logd.asked.pop(0)[1](LogAppended(refused="disk_full"))
                stand.shipper.paused = False
            else:
                stand.logd.asked.clear()
                stand.shipper.connect(stand.logd.send)  # another logd of the same store
            stand.shipper.pump()
    for spool in spools.values():
        for name in names[1:]:
            spool.put(name, b"", 1.0, last=True)
        spool.close(2.0)
    stand.tell()
    stand.finish()
    for key, whole in written.items():
        assert stand.logd.stored[key] == whole
        assert key in stand.logd.ended


def test_a_refusal_pauses_and_says_why(stand: Stand) -> None:
    spool = stand.spool("t")
    spool.write(0, b"one\n", 1.0)
    spool.close(1.0)
    stand.tell()
    stand.logd.asked.pop(0)[1](LogAppended(refused="disk_full"))
    stand.shipper.pump()
    assert stand.logd.asked == []
    assert "disk_full" in stand.complaints[0]
    stand.finish()


def test_after_a_restart_what_is_there_is_sent_again(stand: Stand) -> None:
    spool = stand.spool("t")
    spool.write(0, b"one\n", 1.0)
    spool.close(1.0)
    stand.tell()
    stand.logd.answer(take=0)
    again = Shipper(str(stand.directory), "a1", stand.complaints.append)
    again.connect(stand.logd.send)
    again.grown([path.name for path in stand.directory.iterdir()])
    stand.shipper = again
    stand.finish()
    assert stand.logd.stored[("t", "stdout")] == b"one\n"


def test_what_is_asked_for_twice_in_vain_is_not_offered_without_a_pause(stand: Stand) -> None:
    spool = stand.spool("t")
    spool.write(0, b"first\n", 1.0)
    spool.close(2.0)
    stand.tell()
    stand.logd.answer(take=0)
    stand.shipper.pump()
    assert not stand.shipper.paused, "once may be a window that was lost"
    stand.logd.answer(take=0)
    stand.shipper.pump()
    assert stand.shipper.paused and stand.logd.asked == []
    stand.finish()
    assert stand.logd.stored[("t", "stdout")] == b"first\n"


def test_without_a_descriptor_output_waits(stand: Stand) -> None:
    spool = stand.spool("a")
    spool.write(0, b"one\n", 1.0)
    spool.close(2.0)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
    try:
        stand.tell()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert stand.logd.asked == []
    assert stand.shipper.paused
    assert "Too many open files" in stand.complaints[0]
    stand.finish()
    assert stand.logd.stored[("a", "stdout")] == b"one\n"
