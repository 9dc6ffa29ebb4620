"""Which programs `cdktr start` starts, with which arguments, how they are stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdktr_cli import programs, start
from cdktr_common import arguments
from cdktr_common.settings import Settings


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The programs that can be found; by default all but the later ones."""
    names = {"principal", "agent", "logd"}
    monkeypatch.setattr(programs, "find", lambda name: [name] if name in names else None)
    return names


def planned(words: str) -> list[str]:
    args = arguments.parse(start.usage, ["start", *words.split()])
    return [" ".join(child.argv) for child in start.plan(args, Settings(agent_name="box"))]


@pytest.mark.parametrize(
    ("words", "children"),
    [
        ("principal", ["logd", "principal"]),
        ("principal --with-agent", ["agent", "logd", "principal"]),
        ("--max-executors 8", ["agent --max-executors 8", "logd", "principal"]),
        ("", ["agent", "logd", "principal"]),
        ("agent --max-executors 8 --label gpu --label big --name b",
         ["agent --max-executors 8 --name b --label gpu --label big"]),
        ("logd --insecure", ["logd --insecure"]),
        ("--home /h principal --workflow-dir w",
         ["logd --home /h", "principal --home /h --workflow-dir w"]),
        ("--host-port 0.0.0.0:7 --insecure", [
            "agent --insecure", "logd --host-port 0.0.0.0:7 --insecure",
            "principal --host-port 0.0.0.0:7 --insecure"]),
        ("--host-port box:7 --insecure agent", ["agent --host-port box:7 --insecure"]),
    ],
)  # fmt: skip
def test_spellings(words: str, children: list[str]) -> None:
    assert planned(words) == children


def test_cron_is_started_once_it_exists(installed: set[str]) -> None:
    installed.add("cron")
    assert planned("principal --with-agent") == ["agent", "cron", "logd", "principal"]
    assert planned("principal --without-cron") == ["logd", "principal"]
    assert planned("--host-port 0.0.0.0:7 --insecure")[1] == "cron --insecure"


def test_options_of_an_agent_need_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        planned("principal --max-executors 8")
    assert ended.value.code == 2
    assert "--max-executors is for the agent: add --with-agent" in capsys.readouterr().err


def test_a_missing_program_is_named(
    installed: set[str], capsys: pytest.CaptureFixture[str]
) -> None:
    installed.discard("logd")
    with pytest.raises(SystemExit) as ended:
        planned("principal")
    assert ended.value.code == 3
    assert "cdktr-logd is not installed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "lock"),
    [("", "start.lock"), ("principal", "start.lock"), ("logd", "logd/start.lock"),
     ("agent", "agent/box/start.lock")],
)  # fmt: skip
def test_each_kind_has_its_lock(words: str, lock: str) -> None:
    args = arguments.parse(start.usage, ["start", *words.split()])
    assert start.lock_path(args, Settings(home="/h", agent_name="box")) == Path("/h") / lock
