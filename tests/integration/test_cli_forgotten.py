"""Runs that only the recorder remembers: waited for by any name, listed without an end.

The principal of these tests remembers one finished run, and the recorder answers with two rows at
a time: what takes a thousand runs elsewhere takes three here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from cdktr_common.catalogue import principal as p
from tests.integration.cli_stand import Stand, stand
from tests.integration.harness import Proc, wait_until

PRINCIPAL = """\
from cdktr_principal import __main__; from cdktr_principal.state import state
state.RECENT_RUNS = 1
__main__.run()
"""

LOGD = """\
from cdktr_logd import queries, __main__
queries.PAGE_ROWS = 2
__main__.run()
"""


@pytest.fixture(scope="module")
def short_of_memory() -> Iterator[Stand]:
    """All programs; a run that failed under the key `old` is forgotten, two newer ones ended."""
    with stand() as made:
        for name, program in (("principal", PRINCIPAL), ("logd", LOGD)):
            argv = [sys.executable, "-c", program]
            made.env.procs.append(Proc(name, argv, made.env.environ, made.env.directory))
            made.env.procs[-1].ready()
        made.env.agent()
        trigger = ("cdktr-trigger", "--wait", "--workflow")
        assert made.call(*trigger, "failing", "--key", "old").returncode == 7
        for _ in range(2):
            assert made.call(*trigger, "my-workflow").returncode == 0

        def recorded() -> bool:
            rows = json.loads(made.out("cdktr-ctl", "runs", "--history", "-n", "9", "--json"))
            return [row["state"] for row in rows] == ["COMPLETED", "COMPLETED", "FAILED"]

        wait_until(recorded, what="all runs to be recorded")
        yield made


def test_a_forgotten_run_still_has_its_exit_code(short_of_memory: Stand) -> None:
    again = short_of_memory.call("cdktr-trigger", "--workflow", "failing", "--key", "old", "--wait")
    run = again.stdout.decode().strip()
    assert again.returncode == 7, again
    assert f"{run} FAILED" in again.stderr.decode()
    page = short_of_memory.env.client().ask(p.RunList(), p.RunPage)
    assert run not in [row.run for row in page.runs]
    waited = short_of_memory.call("cdktr-ctl", "wait", run[:8], "--json")
    assert (waited.returncode, json.loads(waited.stdout)[0]["run"]) == (7, run)


def test_a_forgotten_run_is_explained_and_shown_by_the_recorder(short_of_memory: Stand) -> None:
    rows = json.loads(short_of_memory.out("cdktr-ctl", "runs", "--history", "-n", "9", "--json"))
    (run,) = [row["run"] for row in rows if row["state"] == "FAILED"]
    assert short_of_memory.out("cdktr-ctl", "why", run[:8]).startswith("the run has ended: FAILED")
    shown = json.loads(short_of_memory.out("cdktr-ctl", "show", run, "--json"))
    assert (shown["run"]["state"], shown["story"]) == ("FAILED", [])
    assert short_of_memory.call("cdktr-ctl", "why", "zzzzzzzzzz").returncode == 3
    assert "FAILED" in short_of_memory.out("cdktr-ctl", "why", f"{run}/bad")
    nobody = short_of_memory.call("cdktr-ctl", "why", "last/bda")
    assert nobody.returncode == 3
    assert b"has no task 'bda'" in nobody.stderr


def test_a_run_that_nobody_knows_is_not_found(short_of_memory: Stand) -> None:
    nobody = short_of_memory.call("cdktr-ctl", "wait", "zzzzzzzzzz")
    assert nobody.returncode == 3
    assert b"no run 'zzzzzzzzzz'" in nobody.stderr


def test_a_list_goes_on_where_the_memory_of_the_principal_ends(short_of_memory: Stand) -> None:
    def listed(*words: str) -> list[dict[str, Any]]:
        said: list[dict[str, Any]]
        said = json.loads(short_of_memory.out("cdktr-ctl", "runs", "--json", *words))
        return said

    rows = listed()
    states = [row["state"] for row in rows]
    assert states == ["COMPLETED", "COMPLETED", "FAILED", "COMPLETED", "COMPLETED"][: len(rows)]
    assert len({row["run"] for row in rows}) == len(rows) >= 3
    assert all(row.keys() == rows[0].keys() for row in rows)  # whoever told it
    assert [row["run"] for row in listed("-n", "2")] == [row["run"] for row in rows[:2]]
    [failed] = listed("--state", "failed,cancelled", "--workflow", "fail*", "--since", "1h")
    assert failed["run"] == rows[states.index("FAILED")]["run"]
    assert listed("--until", "1h") == listed("--event", "x*") == []
    assert listed("--state", "running,pending") == []


def test_history_goes_on_where_a_page_of_the_recorder_ends(short_of_memory: Stand) -> None:
    for most in (1, 2, 3):
        out = short_of_memory.out("cdktr-ctl", "runs", "--history", "-n", str(most), "--ndjson")
        assert len(out.splitlines()) == most


def test_a_forgotten_run_is_refused_with_what_can_be_done(short_of_memory: Stand) -> None:
    rows = json.loads(short_of_memory.out("cdktr-ctl", "runs", "--history", "-n", "9", "--json"))
    (old,) = [row["run"] for row in rows if row["state"] == "FAILED"]
    for more in ([], ["--wait", "zzzzzzzzzz"]):
        done = short_of_memory.call("cdktr-ctl", "retry", old, *more)
        said = done.stderr.decode()
        assert (done.returncode, done.stdout) == (3, b""), done
        assert f"no run '{old}' is remembered here" in said and "newest 1 that ended" in said
        assert f"cdktr-ctl show {old}" in said and "cdktr-trigger --workflow failing" in said


def test_a_run_that_is_named_twice_is_run_again_once(short_of_memory: Stand) -> None:
    run = json.loads(short_of_memory.out("cdktr-ctl", "runs", "-n", "1", "--json"))[0]["run"]
    again = short_of_memory.call("cdktr-ctl", "retry", "--all", run, run[:8], "last")
    assert again.returncode == 0, again
    assert len(again.stdout.split()) == 1
    assert again.stderr.decode().count(f"{run} was named before") == 2


def test_an_agent_that_nobody_knows_is_answered_with_the_nearest(short_of_memory: Stand) -> None:
    agent = json.loads(short_of_memory.out("cdktr-ctl", "agents", "--json"))[0]["agent"]
    nobody = short_of_memory.call("cdktr-ctl", "runs", "--agent", agent[:-1])
    assert (nobody.returncode, f"did you mean {agent}".encode() in nobody.stderr) == (3, True)
    idle = short_of_memory.call("cdktr-ctl", "runs", "--agent", agent, "--state", "cancelled")
    assert idle.returncode == 0
    for option in ("--agent", "--state", "--workflow", "--event"):
        empty = short_of_memory.call("cdktr-ctl", "runs", option, "")
        assert (empty.returncode, f"{option} is empty".encode() in empty.stderr) == (2, True)
    none = short_of_memory.call("cdktr-ctl", "runs", "--event", "time*")
    assert (none.returncode, b"are no events" in none.stderr) == (0, True)
