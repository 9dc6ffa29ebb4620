"""`cdktr-logd rebuild`: whatever has become of history.duckdb, the same tables are made again."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from cdktr_common.catalogue.common import Ping, Pong
from cdktr_common.client import Client
from cdktr_common.errors import BUSY, DAMAGED, FAILED, OK, UNREACHABLE
from cdktr_logd.partitions import TABLES
from cdktr_logd.store import Store
from tests.integration.harness import Env, wait_until
from tests.integration.recording import Journal, Sender, append, fired, recorded, text_chunk

FACTS = 5000
SECOND = 1 / 86400

Dump = dict[str, list[tuple[Any, ...]]]


class History:
    """A home in which logd has recorded much and was stopped."""

    def __init__(self, env: Env, stack: ExitStack) -> None:
        self.env = env
        self.directory = env.home / "logd"
        self.file = self.directory / "history.duckdb"
        self.log = self.directory / "history.duckdb.wal"
        self.facts = lifecycle(FACTS)
        self.journal = Journal(f"ipc://{env.home}/run/principal.sock", self.facts)
        stack.callback(self.journal.close)
        self.stack = stack

    def record(self, data: bytes, *, kill: bool = False) -> None:
        proc = self.env.logd()
        endpoint = f"ipc://{self.env.home}/run/logd.sock"
        sender = Sender(endpoint, data)
        self.stack.callback(sender.close)
        wait_until(sender.step, 30, "the output")
        with Client(endpoint, timeout_s=20) as client:
            wait_until(lambda: client.ask(Ping(), Pong).counts["facts_to"] == FACTS, 30)
        proc.kill() if kill else proc.stop()

    def dump(self) -> Dump:
        """All tables, in the order of their numbers."""
        store = Store(self.directory)
        order = {"logstore": "pos", "mark": "run, task, n, stream"}
        try:
            return {
                table: store.read(f"SELECT * FROM {table} ORDER BY {order.get(table, 'seq')}")
                for table in TABLES
            } | {"partition": [tuple(part) for part in store.partitions]}
        finally:
            store.close()

    def rebuild(self) -> subprocess.CompletedProcess[str]:
        return self.env.command(sys.executable, "-m", "cdktr_logd", "rebuild")

    def refused(self) -> str:
        """What logd says when it does not start."""
        proc = self.env.start("logd")
        proc.asked_to_end = True
        assert proc.popen.wait(20) == DAMAGED, proc.errors()
        return proc.errors()


def lifecycle(count: int) -> list[dict[str, Any]]:
    """Facts of runs and tasks."""
    facts = fired(count)
    for fact in facts:
        of = {"seq": fact["seq"], "ts": fact["ts"], "workflow": "w", "run": f"r{fact['seq'] // 4}"}
        kinds: dict[int, dict[str, Any]] = {
            0: {"type": "run.created", "plan": {"name": "n", "tasks": [{}]}},
            1: {"type": "task.assigned", "task": "t", "n": 1, "agent": "a"},
            2: {"type": "task.ended", "task": "t", "n": 1, "state": "COMPLETED", "code": 0},
            3: {"type": "run.ended", "state": "COMPLETED"},
        }
        fact.clear()
        fact |= kinds[of["seq"] % 4] | of
    return facts


@pytest.fixture
def history(env: Env) -> Iterator[History]:
    with ExitStack() as stack:
        yield History(env, stack)


def output(size: int = 400_000) -> bytes:
    chance = random.Random(5)
    lines = [b"%d %s\n" % (i, chance.randbytes(40).hex().encode()) for i in range(size // 88)]
    return b"".join(lines)


def test_the_same_tables_are_made_again_from_facts_and_old_output(history: History) -> None:
    history.record(output())
    before = history.dump()
    done = history.rebuild()
    assert done.returncode == OK, done.stderr
    assert f"facts: {FACTS:,} from the principal" in done.stdout
    assert history.dump() == before
    (kept,) = history.directory.glob("history-*.duckdb")
    assert str(kept) in done.stdout
    assert {path.name for path in history.directory.iterdir()} == {
        "lock", "query", "head", "history.duckdb", kept.name,
    }  # fmt: skip
    # What the log holds is carried over as well, and it can be done again and again.
    history.record(output() + b"more\n", kill=True)
    assert history.log.exists()
    done = history.rebuild()
    assert done.returncode == OK, done.stdout + done.stderr
    assert len(history.dump()["logstore"]) > len(before["logstore"])
    with ExitStack() as stack:
        history.env.logd()
        client = stack.enter_context(Client(f"ipc://{history.env.home}/run/logd.sock"))
        assert recorded(client) == history.facts


def cut_the_file(history: History) -> None:
    data = history.file.read_bytes()
    history.file.write_bytes(data[: len(data) // 2])


def garbage(history: History) -> None:
    history.file.write_bytes(random.Random(1).randbytes(100_000))


def flip_in_the_log(history: History) -> None:
    data = bytearray(history.log.read_bytes())
    data[len(data) // 2] ^= 0x10
    history.log.write_bytes(data)


def flip_in_the_file(history: History) -> None:
    data = bytearray(history.file.read_bytes())
    for at in range(20_000, len(data), 50_000):
        data[at] ^= 0x10
    history.file.write_bytes(data)


def lose_the_log(history: History) -> None:
    history.log.unlink()


def lose_the_file(history: History) -> None:
    history.file.unlink()


def empty_the_file(history: History) -> None:
    history.file.write_bytes(b"")


DAMAGE = [
    pytest.param(flip_in_the_log, True, id="flip_in_the_log"),
    pytest.param(lose_the_log, True, id="lose_the_log"),
    *(
        pytest.param(damage, kill, id=f"{damage.__name__}-{kill}", marks=pytest.mark.long)
        for damage in (garbage, cut_the_file, flip_in_the_file, lose_the_file, empty_the_file)
        for kill in (False, True)
    ),
]


@pytest.mark.parametrize(("damage", "kill"), DAMAGE)
def test_damage_is_refused_and_what_can_be_read_is_carried_over(
    history: History, damage: Callable[[History], None], kill: bool
) -> None:
    history.record(output(), kill=kill)
    whole = read_only(history)
    damage(history)
    if damage is not flip_in_the_file:  # damage inside shows when that part is read
        assert "cdktr-logd rebuild" in history.refused()
    before = {path.name: path.read_bytes() for path in history.directory.glob("history*")}
    done = history.rebuild()
    assert done.returncode == FAILED, done.stdout + done.stderr
    assert "not carried over" in done.stdout
    for name, data in before.items():  # the old one is kept as it was
        assert data in [path.read_bytes() for path in history.directory.glob("history-*")], name
    after = history.dump()
    for table in ("event", "workflow_run_status", "task_run_status"):
        assert after[table] == whole[table]
    assert set(after["logstore"]) <= set(whole["logstore"])
    if damage is flip_in_the_log:
        assert after["logstore"], "what stands before the damage can be read"
    # It goes on from there, with numbers of output that were never used.
    history.env.logd()
    with Client(f"ipc://{history.env.home}/run/logd.sock") as client:
        append(client, text_chunk(0, "new", run="new0000000"))
        assert client.ask(Ping(), Pong).seq == len(whole["logstore"]) + 1


def read_only(history: History) -> Dump:
    """The dump, taken from a copy: opening the file would change it."""
    copy = History.__new__(History)
    copy.directory = history.directory.with_name("copy")
    subprocess.run(["cp", "-a", history.directory, copy.directory], check=True)
    return copy.dump()


def test_it_needs_logd_stopped_and_the_principal_running(history: History) -> None:
    history.record(b"some output\n")
    before = {path.name: path.read_bytes() for path in history.directory.glob("history*")}
    history.journal.close()
    history.env.set(default_zmq_timeout_ms=300)
    done = history.rebuild()
    assert done.returncode == UNREACHABLE
    assert "principal.sock" in done.stderr
    assert {p.name: p.read_bytes() for p in history.directory.glob("history*")} == before
    proc = history.env.logd()
    done = history.rebuild()
    assert done.returncode == BUSY
    assert f"pid {proc.pid}" in done.stderr


def test_facts_older_than_the_journal_and_partitions_are_kept(history: History) -> None:
    history.env.set(retention_days=1000 * SECOND)
    history.record(output(100_000))
    store = Store(history.directory)
    store.begin_partition(1e9)
    store.change([], marks=[("gone", "t", 1, "stdout", 77, False, 1.0)])
    store.close()
    before = history.dump()
    history.journal.drop(1000)
    done = history.rebuild()
    assert done.returncode == OK, done.stdout + done.stderr
    assert "1,000 older ones carried over" in done.stdout
    assert history.dump() == before
    # Damaged, the older facts are lost with it, and it says so.
    garbage(history)
    done = history.rebuild()
    assert done.returncode == FAILED
    assert [row[0] for row in history.dump()["event"]] == list(range(1001, FACTS + 1))


@pytest.mark.long
def test_another_journal_takes_the_place_of_the_one_that_was_recorded(history: History) -> None:
    history.record(output(100_000))
    rows = history.dump()["logstore"]
    others = fired(300, "other-")
    history.journal.facts[:] = [json.dumps(fact).encode() for fact in others]
    done = history.rebuild()
    assert done.returncode == FAILED
    assert "another journal" in done.stdout
    assert history.dump()["logstore"] == rows
    history.env.logd()
    with Client(f"ipc://{history.env.home}/run/logd.sock") as client:
        assert recorded(client) == others


@pytest.mark.parametrize(
    "done", [1, *(pytest.param(done, marks=pytest.mark.long) for done in (0, 2, 3))]
)
def test_an_exchange_that_was_cut_off_is_ended(history: History, done: int) -> None:
    """As if killed after so many of its steps."""
    history.record(output(50_000), kill=True)
    whole = read_only(history)
    assert history.rebuild().returncode == OK
    (kept,) = history.directory.glob("history-*.duckdb")
    kept_log = kept.with_name(kept.name + ".wal")
    head = json.loads((history.directory / "head").read_text())
    marker = history.directory / "rebuilt.json"
    marker.write_text(json.dumps({"keep": kept.name, "heights": head}))
    if done <= 2:
        history.file.replace(history.directory / "rebuilt.duckdb")
    if done <= 1:
        kept_log.replace(history.log)
    if done == 0:
        kept.replace(history.file)
    history.env.logd().stop()
    assert history.dump() == whole
    assert kept.exists()
    assert kept_log.exists()
    assert not marker.exists()
