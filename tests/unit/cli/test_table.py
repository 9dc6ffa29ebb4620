"""Tables and JSON: times, nothing, colours, and text that wants to steer the terminal."""

from __future__ import annotations

import json

import msgspec
import pytest

from cdktr_cli import table
from cdktr_cli.ctl.common import RUN_COLUMNS
from cdktr_cli.table import Column
from cdktr_common.catalogue.values import RunRow

RUN = RunRow(
    run="k3f9x2mq7a", workflow="etl", state="FAILED", created_ts=1.5, started_ts=1.5,
    ended_ts=3.75, tasks=3, done=3, failed=1, code=7,
)  # fmt: skip


def test_json_has_every_field_with_times_spelled_out_and_null_for_nothing() -> None:
    assert table.plain(RUN) == {
        "run": "k3f9x2mq7a", "workflow": "etl", "state": "FAILED", "name": "", "event": None,
        "created": "1970-01-01T00:00:01.500Z", "started": "1970-01-01T00:00:01.500Z",
        "ended": "1970-01-01T00:00:03.750Z", "tasks": 3, "done": 3, "failed": 1, "code": 7,
        "reason": "", "seq": 0, "queued": False, "parent": "", "retry_of": "", "settled": False,
        "tick": None,
    }  # fmt: skip


def test_what_users_own_is_passed_on_untouched() -> None:
    fact = {"ts": 1.5, "payload": {"ts": 1.5, "a_ts": 2}, "env": {"X_ts": "1"}, "n": 1}
    assert table.plain(fact) == {
        "time": "1970-01-01T00:00:01.500Z", "payload": {"ts": 1.5, "a_ts": 2},
        "env": {"X_ts": "1"}, "n": 1,
    }  # fmt: skip


def test_raw_json_is_opened() -> None:
    assert table.plain([msgspec.Raw(b'{"started_ts":null,"ts":0}')]) == [
        {"started": None, "time": "1970-01-01T00:00:00.000Z"}
    ]


def test_a_table_is_aligned_and_says_dash_for_nothing() -> None:
    lines = table.render([table.plain(RUN)], RUN_COLUMNS)
    assert lines == [
        "RUN         WORKFLOW  STATE   TASKS           CREATED               DURATION  CODE"
        "  BEGUN BY  REASON",
        "k3f9x2mq7a  etl       FAILED  3/3 (1 failed)  1970-01-01T00:00:01Z    2.25 s     7"
        "  -         -",
    ]


def test_a_footer_is_a_last_row() -> None:
    columns = (Column("A", lambda row: row["a"]), Column("N", lambda row: row["n"], right=True))
    assert table.render([{"a": "x", "n": 5}], columns, ["total", 10]) == [
        "A       N",
        "x       5",
        "total  10",
    ]


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [("a\x1b[2Jb", "a\\x1b[2Jb"), ("a\nb", "a\\nb"), ("\u202egnp", "\\u202egnp"), ("ok é", "ok é")],
)
def test_control_characters_are_shown_not_sent(hostile: str, shown: str) -> None:
    assert table.text(hostile) == shown


def test_colour_is_for_terminals_and_those_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    assert table.paint("FAILED") == "FAILED"
    monkeypatch.setenv("CDKTR_COLOR", "always")
    assert table.paint("FAILED") == "\x1b[31mFAILED\x1b[0m"
    assert "\x1b[31mFAILED\x1b[0m" in table.render([table.plain(RUN)], RUN_COLUMNS)[1]
    hook = table.plain(msgspec.structs.replace(RUN, workflow="FAILED-hook"))
    assert "  FAILED-hook  \x1b[31mFAILED\x1b[0m  " in table.render([hook], RUN_COLUMNS)[1]
    monkeypatch.setenv("CDKTR_COLOR", "never")
    assert table.paint("FAILED") == "FAILED"


def test_json_is_one_document_and_ndjson_one_value_a_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table.show({"--json": True}, [RUN, RUN], RUN_COLUMNS)
    assert [row["run"] for row in json.loads(capsys.readouterr().out)] == ["k3f9x2mq7a"] * 2
    table.show({"--ndjson": True}, [RUN, RUN], RUN_COLUMNS)
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["code"] for line in lines] == [7, 7]


def test_times_there_and_back() -> None:
    assert table.rfc3339(None) is None
    assert table.rfc3339(1.9996) == "1970-01-01T00:00:02.000Z"
    assert table.epoch("1970-01-01T00:00:02.250Z") == 2.25
    assert table.span("1970-01-01T00:00:01.000Z", None, 3.5) == 2.5
    assert table.span(None, "1970-01-01T00:00:01.000Z") is None
