"""The principal killed between every two effects of its turns, snapshots, rotations and retention.

The real `Service`, `Keeper` and `Journal` work on a real directory; only the network is not there:
what arrives is handed in, what is sent is an effect. After each crash, also after a power failure
on top of it: the journal opens, its facts are the first ones of those that were written, whatever
was acknowledged is there, and the same keys are the same runs.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import pytest

from cdktr_common import sockets
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Fact, Request
from cdktr_common.catalogue.values import Listener, Plan, TaskPlan, TaskResult
from cdktr_common.codec import encode
from cdktr_common.loop import Loop
from cdktr_principal.__main__ import recover
from cdktr_principal.decisions.core import Core, Timing
from cdktr_principal.definitions import Definitions
from cdktr_principal.folder import Scan
from cdktr_principal.service import Service
from cdktr_principal.state.invariants import violations
from cdktr_principal.state.state import State
from cdktr_principal.store import keeper as keeping
from cdktr_principal.store import snapshot
from cdktr_principal.store.ballast import Ballast
from cdktr_principal.store.journal import Damaged, Journal
from cdktr_principal.store.keeper import Keeper
from tests.crash.effects import Crash, Effects

PLAN = Plan(
    workflow="w",
    tasks=[TaskPlan(id="a", argv=["x"]), TaskPlan(id="b", argv=["x"], depends=["a"])],
)
LISTENS = Plan(
    workflow="e",
    tasks=[TaskPlan(id="a", argv=["x"])],
    listeners=[Listener(event="e", batch_s=3600.0, batch_size=2)],
)
"""The first event waits, the second starts a run, the third waits."""


class Desk:
    """A principal that is driven by hand. `told`: what has left it."""

    def __init__(self, directory: Path, effects: Effects) -> None:
        self.told: list[dict[str, Any]] = []
        self.written: list[Fact] = []
        self._effects = effects
        self._arrived: list[bytes] = []
        ballast = Ballast(directory / "ballast", 4096)
        self.journal = journal = Journal(directory / "journal", ballast.give_up)
        self.state = recover(journal)
        loop = Loop()
        core = Core(self.state, Timing())
        self.keeper = Keeper(core, journal, ballast, 1e-9, lambda *_, **__: None)  # type: ignore[arg-type]
        definitions = Definitions(directory / "none", 60.0, loop.wake)
        log: Any = lambda *_, **__: None  # noqa: E731
        self.service = Service(core, self.keeper, definitions, loop, log)
        append = journal.append

        def noted(fact: Fact) -> bytes:
            self.written.append(fact)
            return append(fact)

        journal.append = noted  # type: ignore[method-assign]

    def begin(self) -> None:
        self.service.core.begin_epoch("h", self.service._moment())
        self.turn()

    def turn(self, *requests: Request) -> list[dict[str, Any]]:
        """These arrive together; what is answered to them."""
        already = len(self.told)
        self._arrived = [encode(request) for request in requests]
        with (
            mock.patch.object(sockets, "receive", self._receive),
            mock.patch.object(sockets, "send", self._send),
        ):
            self.service._take()
            self.service._commit()
        self.keeper.every_second()
        return self.told[already:]

    def _receive(self, socket: object, most: int) -> list[tuple[tuple[bytes, ...], bytes]]:
        arrived, self._arrived = self._arrived, []
        return [((b"c",), body) for body in arrived]

    def _send(self, socket: object, envelope: object, body: bytes) -> bool:
        self._effects.effect()
        self.told.append(msgspec.json.decode(body))
        return True

    def close(self) -> None:
        self.service.requests.close(0)
        self.service._publishing.socket.close(0)
        self.service.requests.context.term()
        self.service.loop._wake.close()
        self.service.loop._waker.close()
        if self.journal._fd >= 0:
            os.close(self.journal._fd)


def start(key: str) -> p.RunStart:
    return p.RunStart(plan=PLAN, key=key, id=key)


def event(number: int) -> p.EventFire:
    return p.EventFire(event="e", payload=number, key=f"e{number}", id=f"e{number}")


def later(number: int) -> p.EventFire:
    name = f"d{number}"
    return p.EventFire(event="later", key=name, id=name, delay_s=3600)


def loaded() -> Scan:
    return Scan([("e", "e.yaml", "h", LISTENS)], [], [], 0, {}, frozenset("e"), [])


def work(desk: Desk) -> None:
    """A few runs from trigger to end, one cancelled, one with a lost agent, events that wait or are
    for later; then retention."""
    desk.begin()
    desk.service._load(loaded())
    desk.turn(p.AgentHello(agent="x", aid="i", boot="b1", slots=4, id="h"))
    for number in range(3):
        fetch = p.TaskFetch(agent="x", boot="b1", free=4, wait_s=9, id=f"f{number}")
        told = desk.turn(start(f"k{number}"), start(f"l{number}"), fetch)
        desk.turn(event(number), later(number))
        tokens = [task["token"] for reply in told for task in reply.get("tasks", [])]
        if number == 1:
            desk.turn(p.AgentHello(agent="x", aid="i", boot="b1", slots=4, id="h2", running=tokens))
        results = [TaskResult(token=token, state="COMPLETED", code=0) for token in tokens]
        again = p.TaskFetch(agent="x", boot="b1", free=1, wait_s=9, id=f"g{number}")
        desk.turn(p.TaskReport(agent="x", boot="b1", results=results, id="r"), again)
        if number == 2:
            run = told[0]["runs"][0]["run"] if "runs" in told[0] else told[1]["runs"][0]["run"]
            desk.turn(p.RunCancel(run=run, id="c"))
    desk.turn(p.AgentHello(agent="x", aid="i", boot="b2", slots=4, id="h3"))
    desk.keeper.recorded = desk.journal.seq
    desk.keeper.retain()
    desk.turn(start("m"))
    desk.service.core.session.greeted.clear()
    desk.keeper.finish()


def check(directory: Path, desk: Desk) -> None:
    """Open what was left: a prefix, with everything that was acknowledged."""
    state = reopened(directory)
    assert violations(state) == []
    folded = State()
    for fact in desk.written[: state.seq]:
        folded.apply(fact, fact.topic())
    assert encode(snapshot.take(state)) == encode(snapshot.take(folded)), "not a prefix"
    for told in desk.told:
        for run in told.get("runs", []) if told["type"] == "run.started" else []:
            assert run["run"] in state.runs, "an acknowledged run is lost"
        for task in told.get("tasks", []):
            attempts = state.runs[task["run"]].by_id[task["task"]].attempts
            given = [attempt.token for attempt in attempts]
            later = any(
                fact for fact in desk.written if getattr(fact, "token", "") == task["token"]
            )
            assert task["token"] in given or later, "a task was handed out that nobody knows of"
        for token in told.get("ack", []):
            assert token not in state.tokens, "an acknowledged result is lost"
    _check_events(state, desk)
    again(directory, desk)


def _check_events(state: State, desk: Desk) -> None:
    """Each event that was acknowledged waits in the window or is in one run; what is for later
    waits."""
    answers = {told["id"]: told for told in desk.told if told["type"] == "run.started"}
    held = [event for run in state.runs.values() if run.workflow == "e" for event in run.payload]
    held += [event for window in state.windows.open.values() for event in window.payloads]
    assert len(held) == len(set(held)), "an event counts twice"
    for number in range(3):
        assert number in held or f"e{number}" not in answers, "an acknowledged event is lost"
        told = answers.get(f"d{number}")
        assert told is None or told["deferred"] in state.deferred.waiting


def reopened(directory: Path) -> State:
    journal = Journal(directory / "journal")
    try:
        return recover(journal)
    finally:
        if journal._fd >= 0:
            os.close(journal._fd)


def again(directory: Path, before: Desk) -> None:
    """The clients come again with their keys."""
    told_of = [told for told in before.told if told["type"] == "run.started"]
    acknowledged = {told["id"]: told["runs"][0]["run"] for told in told_of if told.get("runs")}
    deferred = {told["id"]: told["deferred"] for told in told_of if told.get("deferred")}
    desk = Desk(directory, Effects())
    try:
        desk.begin()
        for key in ("k0", "l0", "k1", "k2", "m"):
            (told,) = desk.turn(start(key))
            assert acknowledged.get(key, told["runs"][0]["run"]) == told["runs"][0]["run"]
        desk.service._load(loaded())
        for number in range(3):
            told = desk.turn(event(number), later(number))[1]
            assert deferred.get(told["id"], told["deferred"]) == told["deferred"]
        _check_events(desk.state, desk)
        keys = [run.key for run in desk.state.runs.values() if run.key is not None]
        assert len(keys) == len(set(keys)), "a key started two runs"
    finally:
        desk.close()


@pytest.fixture(name="often", autouse=True)
def often_fixture() -> Iterator[None]:
    """A snapshot every few facts."""
    with mock.patch.object(keeping, "SNAPSHOT_FACTS", 9):
        yield


def crashed(directory: Path, at: int | None, half: bool) -> tuple[Desk, Effects]:
    """The work, killed at that effect."""
    effects = Effects(at, half)
    desk = Desk(directory, effects)
    try:
        with effects.counted():
            work(desk)
    except Crash:
        pass
    finally:
        desk.close()
    return desk, effects


def effects_of_the_work(directory: Path) -> int:
    _, effects = crashed(directory / "whole", None, False)
    return effects.count


def test_every_crash_leaves_a_prefix_with_all_that_was_acknowledged(ram: Path) -> None:
    total = effects_of_the_work(ram)
    assert total > 90
    for at in range(1, total + 1):
        for half in (False, True):
            directory = ram / f"{at}-{half}"
            desk, effects = crashed(directory, at, half)
            for keep in (0.0, 0.5, 0.9):
                copy = ram / "copy"
                left = {path.name: path.stat().st_ino for path in directory.rglob("*")}
                shutil.copytree(directory, copy)
                moved = {left[path.name]: path.stat().st_ino for path in copy.rglob("*")}
                failed = Effects()
                failed.synced = {
                    moved[ino]: size for ino, size in effects.synced.items() if ino in moved
                }
                failed.power_failure(copy, keep)
                check(copy, desk)
                shutil.rmtree(copy)
            check(directory, desk)
            shutil.rmtree(directory)


def whole_journal(ram: Path) -> tuple[Path, Desk]:
    """A journal of one segment, no snapshot, as a crash leaves it."""
    with mock.patch.object(keeping, "SNAPSHOT_FACTS", 1 << 20):
        effects = Effects()
        desk = Desk(ram / "j", effects)
        desk.begin()
        desk.turn(p.AgentHello(agent="x", aid="i", boot="b1", slots=4, id="h"))
        fetch = p.TaskFetch(agent="x", boot="b1", free=4, wait_s=9, id="f")
        told = desk.turn(start("k0"), fetch)
        token = told[-1]["tasks"][0]["token"]
        result = TaskResult(token=token, state="FAILED", code=1)
        desk.turn(p.TaskReport(agent="x", boot="b1", results=[result], id="r"))
        desk.close()
    return ram / "j" / "journal", desk


def facts_of(directory: Path, state_seq: int = 0) -> list[Fact]:
    journal = Journal(directory)
    try:
        return list(journal.recover(state_seq))
    finally:
        if journal._fd >= 0:
            os.close(journal._fd)


def test_torn_at_every_byte_of_the_last_turn(ram: Path) -> None:
    directory, desk = whole_journal(ram)
    (segment,) = directory.glob("*.jsonl")
    (directory / "head").unlink()
    data = segment.read_bytes()
    lines = data.splitlines(keepends=True)
    last_turn = next(i for i in range(len(lines) - 1, 0, -1) if lines[i - 1].startswith(b'{"crc"'))
    begin = sum(map(len, lines[:last_turn]))
    assert last_turn < len(lines) - 2, "the last turn has several facts"
    for cut in range(begin, len(data)):
        for tail in (b"", b"\0" * 7):
            segment.write_bytes(data[:cut] + tail)
            assert facts_of(directory) == desk.written[:last_turn], cut
            assert segment.read_bytes() == data[:begin]
    segment.write_bytes(data)
    assert facts_of(directory) == desk.written


def test_a_flipped_bit_is_refused_or_harmless(ram: Path) -> None:
    """Never a silently shorter history: with the head file as it is after a second."""
    directory, desk = whole_journal(ram)
    (segment,) = directory.glob("*.jsonl")
    data = segment.read_bytes()
    refused = 0
    for at in range(0, len(data), 3):
        flipped = bytearray(data)
        flipped[at] ^= 1 << (at % 8)
        segment.write_bytes(flipped)
        try:
            found = facts_of(directory)
        except Damaged:
            refused += 1
        else:
            assert found == desk.written, f"byte {at} of {len(data)}"
        assert segment.read_bytes() == bytes(flipped), "damage is left as it is found"
    assert refused > len(data) // 3 * 0.9
