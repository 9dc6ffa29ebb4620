"""What keeps the store in order: room on the disk, snapshots, retention of whole segments."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from cdktr_common.catalogue.facts import WorkflowRemoved
from cdktr_common.cli import Log
from cdktr_common.codec import encode
from cdktr_principal.decisions.core import Core, Timing
from cdktr_principal.state.state import State
from cdktr_principal.store import snapshot
from cdktr_principal.store.ballast import Ballast
from cdktr_principal.store.journal import Damaged, Journal
from cdktr_principal.store.keeper import Keeper
from cdktr_principal.store.segments import Head
from tests.unit.principal.world import World, plan

HOUR_S = 3600.0


def grow(directory: Path, segments: int, each: int = 5) -> Keeper:
    """A journal of some closed segments, an hour between one fact and the next, and a keeper."""
    state = snapshot.newest(directory)
    journal = Journal(directory)
    for known in journal.recover(state.seq):
        state.apply(known, known.topic())
    keeper = Keeper(
        Core(state, Timing()), journal, Ballast(directory / "b", 1 << 20), 1.0, Log("test", "error")
    )
    for _ in range(segments):
        for _ in range(each):
            fact = WorkflowRemoved(seq=state.seq + 1, ts=HOUR_S * (state.seq + 1), workflow="w")
            state.apply(fact, fact.topic())
            journal.append(fact)
        journal.sync()
        snapshot.write(directory, state)
        journal.rotate()
    journal.write_head()
    return keeper


def names(directory: Path) -> list[int]:
    return [int(path.name[:20]) for path in sorted(directory.glob("*.jsonl"))]


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of day the keeper sees, in hours."""
    hours = [0.0]
    monkeypatch.setattr("cdktr_principal.store.keeper.time.time", lambda: hours[0] * HOUR_S)
    return hours


def test_only_what_is_old_recorded_and_behind_both_snapshots_is_dropped(
    tmp_path: Path, now: list[float]
) -> None:
    keeper = grow(tmp_path, 4)
    assert names(tmp_path) == [1, 6, 11, 16, 21]
    now[0] = 24 + 12.5  # facts up to 12 are older than a day
    keeper.retain()
    assert names(tmp_path)[0] == 1, "nobody has recorded them"
    keeper.recorded = 7
    keeper.retain()
    assert names(tmp_path) == [6, 11, 16, 21], "the second ends with 10, and 7 are recorded"
    keeper.recorded = 20
    keeper.retain()
    assert names(tmp_path) == [11, 16, 21], "the third is not old enough"
    now[0] = 1000.0
    keeper.retain()
    assert names(tmp_path) == [16, 21], "the older snapshot ends with 15"


def test_what_was_dropped_is_no_damage_and_readers_see_where_it_begins(
    tmp_path: Path, now: list[float]
) -> None:
    keeper = grow(tmp_path, 4)
    keeper.recorded, now[0] = 20, 24 + 10.5
    keeper.retain()
    journal = keeper.journal
    assert journal.first == 11
    found, last = journal.read(0, 3, 1 << 20)
    assert [msgspec.json.decode(body)["seq"] for body in found] == [11, 12, 13]
    assert last == 13
    again = grow(tmp_path, 1)
    assert again.journal.first == 11
    assert again.core.state.seq == 25


def test_a_retention_that_was_interrupted_is_finished(tmp_path: Path, now: list[float]) -> None:
    grow(tmp_path, 3)
    old = (tmp_path / f"{1:020}.jsonl").read_bytes()
    keeper = grow(tmp_path, 0)
    keeper.recorded, now[0] = 20, 24 + 5.5
    keeper.retain()
    (tmp_path / f"{1:020}.jsonl").write_bytes(old)  # as if killed before it was removed
    grow(tmp_path, 0)
    assert names(tmp_path) == [6, 11, 16]


def test_a_missing_segment_is_damage_although_older_ones_were_dropped(
    tmp_path: Path, now: list[float]
) -> None:
    keeper = grow(tmp_path, 4)
    keeper.recorded, now[0] = 20, 24 + 5.5
    keeper.retain()
    os.unlink(tmp_path / f"{6:020}.jsonl")
    with pytest.raises(Damaged, match="begins with fact 6 is missing"):
        grow(tmp_path, 0)


def test_without_a_snapshot_what_was_dropped_is_missed(tmp_path: Path, now: list[float]) -> None:
    keeper = grow(tmp_path, 4)
    keeper.recorded, now[0] = 20, 24 + 5.5
    keeper.retain()
    for path in tmp_path.glob("*.snapshot"):
        path.write_bytes(b"00000000\n{}")
    with pytest.raises(Damaged, match="no snapshot can be read, and facts before 6"):
        grow(tmp_path, 0)


def test_a_quiet_journal_begins_a_segment_in_time(tmp_path: Path, now: list[float]) -> None:
    keeper = grow(tmp_path, 1)
    fact = WorkflowRemoved(seq=6, ts=HOUR_S * 6, workflow="w")
    keeper.core.state.apply(fact, fact.topic())
    keeper.journal.append(fact)
    keeper.journal.sync()
    now[0] = 7.0
    keeper.retain()
    assert names(tmp_path) == [1, 6]
    now[0] = 9.0  # more than a tenth of a day
    keeper.retain()
    assert names(tmp_path) == [1, 6, 7]


def test_the_ballast_goes_when_there_is_no_room_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = [100 << 20]
    usage = type("usage", (), {"free": property(lambda self: free[0])})
    monkeypatch.setattr("cdktr_principal.store.ballast.shutil.disk_usage", lambda path: usage())
    ballast = Ballast(tmp_path / "ballast", 1 << 20)
    ballast.look()
    assert not ballast.full and (tmp_path / "ballast").stat().st_size == 1 << 20
    assert ballast.give_up() and ballast.full
    assert not (tmp_path / "ballast").exists()
    assert not ballast.give_up(), "there is nothing more"
    free[0] = ballast.wanted - 1
    assert not ballast.look() and ballast.full, "room for it, but for no work besides"
    free[0] = ballast.wanted
    assert ballast.look() and not ballast.full
    assert (tmp_path / "ballast").exists()
    free[0] = 0
    assert ballast.look() and ballast.full, "before a write fails"
    assert (tmp_path / "ballast").exists()


def test_a_write_without_room_takes_the_ballast_and_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = [10]
    real = os.write

    def narrow(fd: int, data: bytes) -> int:
        return real(fd, data[: room[0]])

    def make_room() -> bool:
        room[0] = 1 << 20
        return True

    journal = Journal(tmp_path, make_room)
    list(journal.recover(0))
    monkeypatch.setattr("cdktr_principal.store.journal.os.write", narrow)
    journal.append(WorkflowRemoved(seq=1, ts=1.5, workflow="w"))
    journal.sync()
    monkeypatch.undo()
    assert [fact.seq for fact in Journal(tmp_path).recover(0)] == [1]


def test_without_any_room_nothing_is_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path)
    list(journal.recover(0))
    real = os.write
    monkeypatch.setattr(
        "cdktr_principal.store.journal.os.write", lambda fd, data: real(fd, data[:10])
    )
    journal.append(WorkflowRemoved(seq=1, ts=1.5, workflow="w"))
    with pytest.raises(OSError):
        journal.sync()
    monkeypatch.undo()
    assert list(Journal(tmp_path).recover(0)) == []


def test_a_head_and_a_snapshot_of_an_older_version_are_read() -> None:
    head = msgspec.json.decode(b'{"seq":5,"segment":"x","size":7}', type=Head)
    assert head.first == 1
    world = World()
    world.hello("x")
    world.start(plan("a", "b<a"))
    world.fetch("x")
    image = msgspec.to_builtins(snapshot.take(world.core.state))
    for run in image["runs"]:
        for task in run["tasks"]:
            task.pop("h", None)
            for attempt in task.get("a", ()):
                del attempt["aid"]
    for agent in image["agents"].values():
        for later in ("drain", "drain_reason", "reason"):
            del agent[later]
    state = snapshot.restore(msgspec.json.decode(encode(image), type=snapshot.Image))
    assert isinstance(state, State) and state.seq == world.core.state.seq
