"""cdktr-cron as it runs: on time, doubled, killed, without a principal, by clocks that are set.

Runs are counted by the principal and, independently, by a file to which each task appends the
instant it was for.
"""

from __future__ import annotations

import json
import math
import random
import signal
import sys
import time
from collections import Counter
from datetime import datetime
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec import json as mjson

from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import ScheduleRow, Tick
from cdktr_common.times import rfc3339
from tests.integration.harness import Env, Proc, wait_until


def workflow(env: Env, name: str, schedule: str, command: str = "") -> None:
    """Its one task writes the instant and how it stands into a file of its workflow."""
    note = f'echo "$CDKTR_SCHEDULED_TIME $CDKTR_TICK_STATE" >> {env.directory}/{name}.ledger'
    task = json.dumps(f"{note}; {command}" if command else note)
    env.workflow(name, f"schedule: [{schedule}]\ntasks: {{note: {{command: {task}}}}}\n")


def reload(env: Env) -> None:
    env.client().ask(p.WorkflowReload(), p.WorkflowReloaded)


def ticks(env: Env, name: str) -> list[f.TickRecorded]:
    page = env.client().ask(p.EventList(topic="tick/", limit=10_000), p.EventPage)
    told = [mjson.decode(raw) for raw in page.events]
    return [
        mjson.decode(mjson.encode(fact), type=f.TickRecorded)
        for fact in told
        if fact["type"] == "tick.recorded" and fact["workflow"] == name
    ]


def instants(env: Env, name: str, *states: str) -> list[int]:
    """Of these states; each tick of one instant or of several, a second apart."""
    return [
        int(ts)
        for fact in ticks(env, name)
        if fact.state in states
        for ts in range(int(fact.from_ts or fact.due_ts), int(fact.due_ts) + 1)
    ]


def ledger(env: Env, name: str) -> list[tuple[int, str]]:
    path = Path(env.directory, f"{name}.ledger")
    lines = path.read_text().split("\n")[:-1] if path.exists() else []
    words = [line.split() for line in lines]
    return [(int(datetime.fromisoformat(ts).timestamp()), state) for ts, state in words]


def row(env: Env, name: str) -> ScheduleRow:
    page = env.client().ask(p.ScheduleList(workflow=name), p.SchedulePage)
    return page.schedules[-1]


def wait_for(env: Env, name: str, many: int, *states: str, seconds: float = 20.0) -> None:
    wait_until(lambda: len(instants(env, name, *states)) >= many, seconds, f"{many} of {name}")


def accounted(env: Env) -> dict[str, Any]:
    """What the audit says; nothing may be wrong."""
    done = env.command("cdktr-cron", "audit", "--last", "1h", "--json", "--grace", "3s")
    assert done.returncode == 0, done
    verdict: dict[str, Any] = json.loads(done.stdout)
    return verdict


def test_instants_fire_on_time_and_tasks_know_which(env: Env) -> None:
    workflow(env, "second", "{every: 1s}")
    workflow(env, "busy", "{every: 1s, overlap: skip}", "sleep 2.5")
    env.principal()
    env.agent(slots=4)
    cron = env.cron()
    wait_for(env, "second", 4, "fired")
    wait_for(env, "busy", 2, "skipped")
    told = ticks(env, "second")
    assert [fact.state for fact in told] == ["fired"] * len(told)
    assert sorted(fact.ts - fact.due_ts for fact in told)[len(told) // 2] < 0.1
    wait_until(lambda: len(ledger(env, "second")) >= 4)
    assert ledger(env, "second")[0] == (int(told[0].due_ts), "fired")
    seen = ledger(env, "busy")
    assert all(after[0] - before[0] >= 3 for before, after in pairwise(seen))
    assert wait_until(lambda: row(env, "second").next_ts)
    assert cron.stop() == 0
    accounted(env)


def test_two_of_them_with_kills_fire_each_instant_once(env: Env) -> None:
    names = ("one", "two", "three")
    for name in names:
        workflow(env, name, "{every: 1s}")
    env.principal()
    env.agent(slots=6)
    pair = [env.cron(), env.cron()]
    for turn in range(16):  # the other one is up each time
        pair[turn % 2].kill()
        pair[turn % 2] = env.cron()
    last = time.time()
    for name in names:
        wait_until(lambda n=name: row(env, n).ticked_ts >= last)  # type: ignore[misc]
    for cron in pair:
        cron.stop()
    for name in names:
        told = ticks(env, name)
        assert {fact.state for fact in told} == {"fired"}
        dues = [int(fact.due_ts) for fact in told]
        assert dues == list(range(dues[0], dues[0] + len(dues))), "none is left out, none is double"
        assert len({fact.run for fact in told}) == len(told)
        wait_until(lambda n=name, d=dues: len(ledger(env, n)) >= len(d))  # type: ignore[misc]
        assert Counter(ts for ts, _ in ledger(env, name)) == Counter(dues)
    accounted(env)


@pytest.mark.long
def test_a_minute_of_kills_of_all_of_them_accounts_for_every_second(env: Env) -> None:
    """Both crons and the principal, at any time, together or not."""
    dice = random.Random(7)
    names = ("none", "last", "all")
    for name in names:
        workflow(env, name, f"{{every: 1s, catchup: {name}}}")
    running = {"principal": env.principal(), "one": env.cron(), "two": env.cron()}
    env.agent(slots=6)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        victims = dice.sample(sorted(running), dice.choice((1, 1, 1, 2, 3)))
        for who in victims:
            running[who].kill()
        if dice.random() < 0.2:
            back = time.monotonic() + 7  # long enough for instants to be late
            wait_until(lambda at=back: time.monotonic() > at)  # type: ignore[misc]
        for who in sorted(victims, key=lambda who: who != "principal"):
            running[who] = env.principal() if who == "principal" else env.start("cron")
    last = time.time()
    for name in names:
        wait_until(lambda n=name: row(env, n).ticked_ts >= last)  # type: ignore[misc]
    running["one"].stop()
    running["two"].stop()
    assert accounted(env)["wrong_total"] == 0
    for name in names:
        fired = instants(env, name, "fired", "late")
        assert len(fired) == len(set(fired)) > 20
        wait_until(lambda n=name, f=fired: len(ledger(env, n)) >= len(f))  # type: ignore[misc]
        assert Counter(ts for ts, _ in ledger(env, name)) == Counter(fired)


def test_a_principal_that_is_killed_finds_them_again(env: Env) -> None:
    workflow(env, "second", "{every: 1s}")
    principal = env.principal()
    env.agent(slots=4)
    env.cron()
    wait_for(env, "second", 2, "fired")
    for _ in range(2):
        many = len(ticks(env, "second"))
        principal.kill()
        principal = env.principal()
        wait_for(env, "second", many + 2, "fired")
    told = instants(env, "second", "fired", "late", "coalesced")
    assert told == list(range(told[0], told[0] + len(told)))
    accounted(env)


def test_after_downtime_each_schedule_catches_up_as_it_says(env: Env) -> None:
    workflow(env, "none", "{every: 1s, catchup: none}")
    workflow(env, "last", "{every: 1s}")
    workflow(env, "all", "{every: 1s, catchup: all, catchup_limit: 2}")
    workflow(env, "paused", "{every: 1s, catchup: all}")
    env.principal()
    env.agent(slots=6)
    client = env.client()
    client.ask(p.WorkflowPause(workflow="paused", reason="a test"), p.WorkflowPage)
    paused = row(env, "paused").paused_ts
    since = row(env, "last").since_ts
    wait_until(lambda: time.time() - since > 8.6, what="downtime to pass")
    client.ask(p.WorkflowResume(workflow="paused"), p.WorkflowPage)
    resumed = time.time()
    cron = env.cron()
    for name in ("none", "last", "all", "paused"):
        wait_for(env, name, 2, "fired")
    cron.stop()
    lost = {name: Counter(fact.state for fact in ticks(env, name)) for name in
            ("none", "last", "all", "paused")}  # fmt: skip
    assert lost["none"].keys() == {"missed", "fired"}
    assert lost["last"].keys() == {"coalesced", "fired"}
    assert lost["all"].keys() == {"missed", "late", "fired"} and lost["all"]["late"] == 2
    # What was due before the pause is caught up with as if there had been none.
    assert lost["paused"].keys() - {"late"} == {"suppressed", "fired"}
    for fact in ticks(env, "paused"):
        assert paused is not None and (fact.state != "late" or fact.due_ts <= paused)
    late = next(fact for fact in ticks(env, "all") if fact.state == "late")
    assert late.late_s > 5 and "over the catch-up limit of 2" in ticks(env, "all")[0].reason
    wait_until(lambda: len(ledger(env, "paused")) >= lost["paused"]["fired"])
    assert not [ts for ts, _ in ledger(env, "paused") if paused < ts <= int(resumed)]
    for name in lost:
        told = instants(env, name, "fired", "late", "coalesced", "missed", "suppressed")
        begin = math.floor(since) + 1
        assert told[0] - begin <= 1 and told == list(range(told[0], told[0] + len(told)))
    accounted(env)


def test_an_instant_that_nobody_told_of_is_found(env: Env) -> None:
    workflow(env, "w", "{every: 1s}")
    env.principal()
    at = row(env, "w")
    wait_until(lambda: time.time() > at.since_ts + 3, what="two instants to pass")
    due = math.floor(at.since_ts) + 2.0
    tick = Tick(
        workflow="w", schedule=at.schedule, act="missed", after_ts=at.ticked_ts, due_ts=due,
        reason="a test",
    )  # fmt: skip
    env.client().ask(p.TickReport(ticks=[tick]), p.TickReported)
    done = env.command("cdktr-cron", "audit", "w", "--grace", "1h")
    assert done.returncode == 1, done
    assert f"w {at.schedule} {rfc3339(due - 1)}: nothing is said of it" in done.stdout
    assert "exactly once: 1" in done.stdout and "not told yet" in done.stdout
    assert env.command("cdktr-cron", "audit", "w", "-n", "1").stdout.count("nothing is said") == 1
    assert env.command("cdktr-cron", "audit", "v").returncode == 3
    assert env.command("cdktr-cron", "audit", "--last", "x").returncode == 2


@pytest.mark.long
def test_what_the_principal_has_dropped_is_audited_by_the_recorder(env: Env) -> None:
    workflow(env, "w", "{every: 1s}")
    env.set(retention_days=2 / 86400)
    env.principal()
    env.set(retention_days=0)
    logd = env.logd()
    env.agent()
    cron = env.cron()

    def oldest() -> int:
        return env.client().ask(p.EventList(after=-1), p.EventPage).oldest

    def first_tick() -> int:
        page = env.client().ask(p.EventList(topic="tick/"), p.EventPage)
        return int(mjson.decode(page.events[0])["seq"]) if page.events else 0

    began = wait_until(first_tick)
    wait_for(env, "w", 3, "fired")
    logd.kill()
    logd = env.logd()  # it says at once how far it has come
    wait_until(lambda: oldest() > began, 20, "the first ticks to be dropped")
    cron.stop()
    done = env.command("cdktr-cron", "audit", "--json", "--grace", "5m")
    assert done.returncode == 0 and not done.stderr, done
    verdict = json.loads(done.stdout)
    left = len(ticks(env, "w"))
    assert verdict["schedules"] == 1 and verdict["counts"]["fired"] > left
    logd.stop()
    partly = env.command("cdktr-cron", "audit", "--json", "--grace", "5m")
    assert partly.returncode == 0 and "are gone, and logd does not have them" in partly.stderr
    assert 0 < json.loads(partly.stdout)["counts"]["fired"] <= left + 1


def test_a_workflow_that_changes_is_told_of_at_once(env: Env) -> None:
    workflow(env, "w", "{cron: 0 0 1 1 *}")
    env.principal()
    env.agent()
    env.cron()
    wait_until(lambda: row(env, "w").next_ts)
    before = row(env, "w").schedule
    workflow(env, "w", "{every: 1s}")
    reload(env)
    changed = time.time()
    wait_for(env, "w", 1, "fired", seconds=4)
    assert ticks(env, "w")[0].due_ts - changed < 2
    (env.workflows / "w.yaml").unlink()
    reload(env)

    def closed() -> list[str]:
        page = env.client().ask(p.EventList(topic="tick/"), p.EventPage)
        told = [mjson.decode(raw) for raw in page.events]
        return [fact["schedule"] for fact in told if fact["type"] == "schedule.closed"]

    wait_until(lambda: len(closed()) == 2, what="both to be accounted for")
    assert closed()[0] == before
    accounted(env)


def test_another_cron_in_a_few_lines_does_as_well(env: Env) -> None:
    """The one in the examples alone, then beside ours; it leaves alone what it does not know."""
    workflow(env, "second", "{every: 1s}")
    workflow(env, "other", "{cron: '* * * * * *'}")
    env.principal()
    env.agent()
    source = Path(__file__).parents[2] / "examples" / "timer.py"
    assert source.read_text().count("\n") <= 60
    argv = [sys.executable, str(source), f"ipc://{env.home}/run/principal.sock"]
    timer = Proc("timer", argv, env.environ, env.directory)
    env.procs.append(timer)
    wait_for(env, "second", 2, "fired")
    assert ticks(env, "other") == []
    client = env.client()
    client.ask(p.WorkflowPause(workflow="second"), p.WorkflowPage)
    paused = time.time()
    wait_until(lambda: time.time() > paused + 1.5)
    client.ask(p.WorkflowResume(workflow="second"), p.WorkflowPage)
    wait_for(env, "second", 1, "suppressed")
    env.cron()
    wait_for(env, "other", 2, "fired")
    timer.kill()
    many = len(ticks(env, "second"))
    wait_for(env, "second", many + 1, "fired")
    accounted(env)


def test_it_does_nothing_while_nothing_is_due_and_ends_when_told(env: Env) -> None:
    early = env.start("cron")  # before there is a principal
    workflow(env, "w", "{cron: 0 0 1 1 *}, {every: 100d}")
    env.principal()
    early.ready()
    wait_until(lambda: row(env, "w").next_ts)

    def turns() -> int:
        status = Path(f"/proc/{early.pid}/status").read_text()
        return int(status.split("voluntary_ctxt_switches:")[1].split()[0])

    before, began = turns(), time.monotonic()
    wait_until(lambda: time.monotonic() > began + 3)
    assert turns() - before <= 12  # the numbers of the newest, which come every two seconds
    assert early.stop() == 0
    lonely = env.start("cron", "--home", str(env.directory / "other"))
    lock = env.directory / "other" / "cron" / "lock"
    wait_until(lambda: lock.exists() and b"cdktr-cron" in lock.read_bytes())
    assert lonely.stop(5) == 0


def test_the_hours_ahead_are_told_from_past_durations(env: Env) -> None:
    workflow(env, "often", "{every: 10s, paused: true}, {cron: '* * * * *'}", "sleep 0.5")
    workflow(env, "new", "{cron: 0 * * * *}")
    env.everything(slots=3)
    assert env.wait(env.client().ask(p.RunStart(workflow="often"), p.RunStarted).runs[0].run)

    def forecast() -> dict[str, Any]:
        argv = ("cdktr-cron", "forecast", "--hours", "2", "--unknown", "30s", "--json")
        done = env.command(*argv)
        assert done.returncode == 0, done
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    told = wait_until(lambda: (made := forecast())["without_history"] == ["new"] and made)
    assert (told["agents"], told["slots"], told["runs"], len(told["parts"])) == (1, 3, 122, 2)
    expected = (120 * 0.5 + 2 * 30) / 7200 / 3
    assert abs(sum(part["busy"] for part in told["parts"]) / 2 - expected) < expected / 2
    drawn = env.command("cdktr-cron", "forecast", "--agents", "4", "--slots", "2").stdout
    assert "4 agents with 2 slots each" in drawn and len(drawn.splitlines()) == 27
    assert env.command("cdktr-cron", "forecast", "--hours", "0").returncode == 2


def test_the_clock_is_set_and_no_instant_is_lost_or_doubled(env: Env) -> None:
    """The clocks of Berlin go back, too: the hour that comes twice counts once."""
    library = files("libfaketime") / "vendor/libfaketime/src/libfaketime.so.1"
    clock = env.directory / "clock"
    clock.write_text("@2026-10-25 00:29:57")
    env.environ |= {
        "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(clock), "TZ": "UTC",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_NO_CACHE": "1",
    }  # fmt: skip
    now = datetime.fromisoformat("2026-10-25T00:29:57Z").timestamp()
    clock.write_text(f"{now - time.time():+.0f}")
    workflow(env, "night", "{cron: 30 2 * * *, timezone: Europe/Berlin}")
    workflow(env, "half", "{cron: '*/30 * * * *'}")
    env.principal()
    cron = env.cron()
    wait_for(env, "night", 1, "fired")

    def step(seconds: float) -> None:
        nonlocal now
        now += seconds
        fresh = env.directory / "clock.new"
        fresh.write_text(f"{now - time.time():+.0f}")
        fresh.replace(clock)

    began = time.time()
    step(3600 + time.time() - began)  # 01:30Z: 02:30 for the second time in Berlin
    wait_for(env, "half", 1, "fired", "late")
    wait_until(lambda: row(env, "half").ticked_ts > now - 1800, what="the step forward to show")
    told = len(ticks(env, "half"))
    step(-5400)
    workflow(env, "new", "{every: 1s}")
    reload(env)
    wait_for(env, "new", 2, "fired")
    assert len(ticks(env, "half")) == told and len(ticks(env, "night")) == 1
    assert row(env, "night").next_ts == datetime.fromisoformat("2026-10-26T01:30:00Z").timestamp()
    cron.signal(signal.SIGTERM)
    assert cron.popen.wait(10) == 0
