"""cdktr-cron's commands as they are called; those about workflows ask a real principal."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.integration.cli_stand import Stand, stand
from tests.integration.harness import wait_until

ETL = """\
tasks: {load: {command: 'echo "$CDKTR_SCHEDULED_TIME $CDKTR_PREVIOUS_TIME $CDKTR_TICK_STATE"'}}
params: {day: {default: none}}
schedule:
- {cron: "30 2 * * *", timezone: Europe/Berlin, params: {day: night}}
- {cron: "0 12 * * *", timezone: Europe/Berlin, jitter: 10m}
"""
HOURLY = "tasks: {a: {command: 'true'}}\ncron: '@hourly'\n"
BERLIN = ("--timezone", "Europe/Berlin")


@pytest.fixture(scope="module")
def box() -> Iterator[Stand]:
    with stand() as made:
        made.env.workflow("etl", ETL)
        made.env.workflow("hourly", HOURLY)
        made.env.workflow("idle", "tasks: {a: {command: 'true'}}\n")
        made.env.principal()
        wait_until(lambda: "hourly" in made.out("cdktr-ctl", "workflows"), what="workflows")
        yield made


def lines(box: Stand, *words: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in box.out("cdktr-cron", *words).splitlines()]


def fails(box: Stand, code: int, *words: str) -> str:
    done = box.call("cdktr-cron", *words)
    assert done.returncode == code, done
    return done.stderr.decode() + done.stdout.decode()


def test_the_next_instants_of_workflows(box: Stand) -> None:
    told = lines(box, "next", "-n", "4", "etl", "--from", "2026-03-28", "--ndjson")
    assert [one["due"] for one in told] == [
        "2026-03-28T01:30:00Z", "2026-03-28T11:00:00Z",
        "2026-03-29T01:00:00Z", "2026-03-29T10:00:00Z",
    ]  # fmt: skip
    assert told[2]["note"] == "02:30 does not exist: the clock goes from 02:00 to 03:00"
    assert told[1]["starts"] != told[1]["due"] and told[0]["starts"] == told[0]["due"]
    (shown,) = [line for line in box.out("cdktr-cron", "next", "etl").splitlines()[:1]]
    assert shown.split() == ["WORKFLOW", "LOCAL", "OFFSET", "UTC", "SCHEDULE", "NOTE"]
    everything = json.loads(box.out("cdktr-cron", "next", "--all", "-n", "40", "--json"))
    assert {one["workflow"] for one in everything} == {"etl", "hourly"}
    assert [one["due"] for one in everything] == sorted(one["due"] for one in everything)
    assert "every hour counts" in box.out("cdktr-cron", "next", "hourly", "--explain")
    assert "no schedules" in fails(box, 1, "next", "idle")
    assert "did you mean hourly?" in fails(box, 3, "next", "hourli")


def test_with_jitter_no_start_comes_before_that_of_the_instant_before(box: Stand) -> None:
    box.env.workflow("often", "{cron: {cron: '* * * * *', jitter: 10m}, tasks: {a: {command: x}}}")
    box.out("cdktr-ctl", "reload")
    starts = [one["starts"] for one in lines(box, "next", "often", "-n", "60", "--ndjson")]
    (box.env.workflows / "often.yaml").unlink()
    box.out("cdktr-ctl", "reload")
    assert starts == sorted(starts, key=lambda start: datetime.fromisoformat(str(start)))
    assert len(set(starts)) < len(starts)


def test_a_file_with_faults_is_no_difference(box: Stand) -> None:
    broken = box.env.directory / "broken.yaml"
    broken.write_text("cron: x\ntasks: {a: {command: x}}\n")
    checked = box.call("cdktr-check", "--json", str(broken)).stdout
    done = box.call("cdktr-cron", "diff", "etl", "-", input=checked)
    assert done.returncode == 4 and b"1 fault, and a broken file changes nothing" in done.stderr


def test_what_is_no_question_is_said_at_once(box: Stand) -> None:
    for words, told in (
        (("next", ""), "WHAT is empty"),
        (("next", "@daily", "--timezone", ""), "--timezone is empty"),
        (("next", "2026-12-31"), "'2026-12-31' is not a time; write 2026-12-31T22:30:00"),
        (("next", "2026-12-31T25:00"), "is not a time"),
        (("next", "@daily", "--from", "1900-01-01"), "is not a time from 1970 to 2999"),
    ):
        assert told in fails(box, 2, *words)
    assert "names no zone" in fails(box, 4, "next", "CRON_TZ= @daily")
    zones = fails(box, 4, "next", "@daily", "--timezone", "localtime")
    assert "did you mean localtime" not in zones


def test_a_paused_workflow_says_so(box: Stand) -> None:
    box.out("cdktr-ctl", "pause", "hourly")
    assert "paused, starts nothing" in box.out("cdktr-cron", "next", "hourly")
    assert all(one["paused"] for one in lines(box, "next", "hourly", "--ndjson"))
    box.out("cdktr-ctl", "resume", "hourly")
    assert "paused" not in box.out("cdktr-cron", "next", "hourly")


def test_a_backfill_is_a_pipe(box: Stand) -> None:
    span = ("range", "--from", "2024-03-30", "--to", "2024-03-31", "etl")
    told = lines(box, *span)
    assert [one["local"] for one in told] == [
        "2024-03-30T02:30:00+01:00", "2024-03-30T12:00:00+01:00",
        "2024-03-31T03:00:00+02:00", "2024-03-31T12:00:00+02:00",
    ]  # fmt: skip
    assert told[0]["params"] == {"day": "night"} and told[1]["params"] == {}
    tick = told[2]["tick"]
    assert isinstance(tick, dict) and tick["state"] == "backfill"
    assert tick["due_ts"] - tick["previous_ts"] == 23.5 * 3600
    assert told[2]["key"] == f"backfill/etl/{tick['schedule']}/20240331T010000Z"
    assert lines(box, *span, "--schedule", tick["schedule"][:6]) == told[::2]
    # What is to come is not started now.
    assert fails(box, 1, "range", "--from", "2200-01-01", "--to", "2200-02-01", "etl") == ""
    coming = lines(box, "range", "--from", "2024-03-30", "--to", "2200-01-01", "etl")
    assert datetime.fromisoformat(str(coming[-1]["local"])).timestamp() <= time.time()
    assert "has no schedule zz" in fails(box, 3, *span, "--schedule", "zz")
    # What is not filtered out is started, each instant once.
    kept = "".join(json.dumps(one) + "\n" for one in told if "2024-03-30" not in json.dumps(one))
    for duplicate in (False, True):
        done = box.call("cdktr-trigger", "--stdin", input=kept.encode())
        results = [json.loads(line) for line in done.stdout.splitlines()]
        assert [one["duplicate"] for one in results] == [duplicate, duplicate], done


def test_lint_fails_when_the_clock_changes_a_meaning(box: Stand) -> None:
    words = ("lint", "--dst", "--from", "2026-03-01")
    told = fails(box, 1, *words, "--all")
    assert "etl" in told and "hourly" not in told and "12 * * *" not in told
    assert "02:30 does not exist" in told and "due once, at 03:00" in told
    (one,) = json.loads(box.call("cdktr-cron", *words, "--all", "--json").stdout)
    assert (one["workflow"], one["change"]) == ("etl", "2026-03-29T01:00:00Z")
    assert "none changes its meaning" in box.out("cdktr-cron", *words, "hourly")
    assert "comes twice" in fails(box, 1, "lint", "30 2 * * *", *BERLIN, "--from", "2026-09-01")


def test_diff_of_workflows_files_and_expressions(box: Stand) -> None:
    week = ("diff", "--from", "2026-03-27")
    told = fails(box, 1, *week, "--days", "1", "hourly", "30 * * * *")
    assert told.count("moved") == 24 and "+0:30" in told
    # The zone of the workflow is that of the line beside it.
    told = fails(box, 1, *week, "--days", "1", "etl", "30 2 * * *")
    assert told.split().count("removed") == 1 and "12:00:00 +01:00" in told
    before = box.out("cdktr-ctl", "schedules", "--json")
    (box.env.directory / "before.json").write_text(before)
    assert "the same instants" in box.out("cdktr-cron", *week, "before.json", "--all")
    changed = box.env.directory / "etl.yaml"
    changed.write_text(ETL.replace("0 12", "0 13"))
    checked = box.out("cdktr-check", "--json", "etl.yaml")
    done = box.call("cdktr-cron", *week, "etl", "-", "--ndjson", input=checked.encode())
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1 and len(rows) == 7
    assert rows[2] == {
        "workflow": "etl", "what": "moved", "zone": "Europe/Berlin",
        "old": "2026-03-29T10:00:00Z", "old_local": "2026-03-29T12:00:00+02:00",
        "new": "2026-03-29T11:00:00Z", "new_local": "2026-03-29T13:00:00+02:00",
    }  # fmt: skip
    assert "no such file" in fails(box, 3, "diff", "a.json", "etl")
    assert "compared with one workflow; there are 2" in fails(box, 2, "diff", "--all", "@daily")
    assert "no workflow 'etll'" in fails(box, 3, "diff", "etll", "etl")


@pytest.mark.parametrize(
    ("code", "words", "said"),
    [
        (4, ("next", "0 3 * *"), "5 fields"),
        (4, ("next", "@daily", "--timezone", "Europe/Berln"), "did you mean Europe/Berlin?"),
        (2, ("next", "@daily", "-n", "0"), "-n takes a whole number"),
        (2, ("next", "@daily", "--from", "monday"), "'monday' is not a time"),
        (2, ("next", "@daily", "--form", "2026-01-01"), "did you mean --from?"),
        (2, ("range", "--from", "2026-01-01", "@daily"), "give it with --workflow"),
        (2, ("range", "--from", "2026-01-02", "--to", "2026-01-01", "--workflow", "a", "@daily"),
         "--to is before --from"),
        (2, ("next", "etl", "--timezone", "UTC"), "--timezone goes with an expression"),
        (1, ("next", "2020-01-01T00:00:00Z"), "nothing is due"),
        (2, ("diff", "-", "@daily"), "compared with one workflow; there is none"),
        (2, ("diff", "-", "-"), "only one side"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(box: Stand, code: int, words: tuple[str, ...], said: str) -> None:
    assert said in fails(box, code, *words)


def test_a_machine_without_a_table_of_zones_has_that_of_the_program(box: Stand) -> None:
    words = ("cdktr-cron", "next", "30 2 * * *", *BERLIN, "--from", "2026-03-29", "-n", "1")
    environ = box.env.environ | {"PYTHONTZPATH": ""}
    done = subprocess.run(words, env=environ, capture_output=True)
    assert b"2026-03-29T01:00:00Z  02:30 does not exist" in done.stdout, done


def test_the_reader_of_a_pipe_may_leave(box: Stand) -> None:
    call = "cdktr-cron next '* * * * * *' -n 100000 --ndjson | head -1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", call], env=box.env.environ, capture_output=True
    )
    assert (done.stdout.count(b"\n"), done.stderr) == (1, b"")
