"""What the settings say of principals: addresses, and what people want to keep in mind of each."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

import pytest

from cdktr_cli import stop, whereabouts
from cdktr_common import cli
from cdktr_common.errors import DENIED, USAGE, ProtocolError
from cdktr_common.principals import Principal
from cdktr_common.settings import SettingsError, known_principals, load

FILE = """\
principal_host: elsewhere
principals:
  dev: dev:5571
  box: tcp://box
  prod: {address: 'tcp://10.0.0.5:5561', color: red, protected: true}
  audit: {address: 10.0.0.5, color: '#aa00ff', read_only: true}
  here: ipc:///srv/cdktr/run/principal.sock
"""


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but those of the file."""
    for name in list(os.environ):
        if name.startswith("CDKTR_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CDKTR_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cdktr.config.yaml").write_text(FILE)


def args(name: str | None) -> cli.Args:
    return {"--principal": name, "--host-port": None, "--home": None}


@pytest.mark.parametrize(
    ("name", "endpoint"),
    [
        ("dev", "tcp://dev:5571"),
        ("box", "tcp://box:5561"),
        ("prod", "tcp://10.0.0.5:5561"),
        ("audit", "tcp://10.0.0.5:5561"),
        ("here", "ipc:///srv/cdktr/run/principal.sock"),
        (None, "tcp://elsewhere:5561"),
    ],
)
def test_a_name_leads_to_its_address_however_it_is_written(name: str | None, endpoint: str) -> None:
    assert cli.client_endpoint(args(name))[1] == endpoint
    assert name is None or known_principals(load().settings)[name].endpoint == endpoint


def test_a_principal_on_this_machine_brings_its_home() -> None:
    assert cli.load_settings(args("here")).settings.home == "/srv/cdktr"


def test_an_address_is_a_whole_entry_and_more_can_be_said() -> None:
    known = known_principals(load().settings)
    assert list(known) == ["dev", "box", "prod", "audit", "here"]
    assert known["dev"] == Principal(address="dev:5571")
    assert known["prod"].protected and known["prod"].color == "red" and not known["prod"].read_only


def test_nothing_is_changed_by_a_name_that_is_read_only() -> None:
    assert whereabouts.principal(args("audit"))[0] == "tcp://10.0.0.5:5561"
    with pytest.raises(ProtocolError, match="'audit' is read_only") as fault:
        whereabouts.principal(args("audit"), changes=True)
    assert fault.value.exit == DENIED
    assert whereabouts.principal(args("prod"), changes=True)[0] == "tcp://10.0.0.5:5561"


@pytest.mark.parametrize(
    "command",
    [
        "cdktr_agent --name x", "cdktr_cron", "cdktr_http", "cdktr_watch qq .", "cdktr_logd",
        "cdktr_logd rebuild", "cdktr_principal", "cdktr_cli start", "cdktr_cli start agent",
    ],
)  # fmt: skip
def test_no_daemon_works_by_a_name_that_is_read_only(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program, *words = command.split()
    place = "cdktr_cli.start" if program == "cdktr_cli" else f"{program}.__main__"
    argv = [*words[program == "cdktr_cli" :], "--principal", "audit"]
    with pytest.raises(ProtocolError, match="'audit' is read_only") as fault:
        importlib.import_module(place).main(argv)
    assert fault.value.exit == DENIED and not (tmp_path / "home").exists()


def test_stop_is_told_a_home_not_a_principal(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["--principal", "here"], ["--host-port", "dev:5571"]):
        with pytest.raises(SystemExit) as ended:
            stop.main(words)
        assert ended.value.code == USAGE and "--home DIR names it" in capsys.readouterr().err


def test_a_name_that_is_not_there_is_said_with_the_nearest() -> None:
    with pytest.raises(
        SettingsError, match="no principal 'prd' in the settings; did you mean prod"
    ):
        cli.load_settings(args("prd"))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{adress: 'x:1'}", "adress"),
        ("{color: red}", "address"),
        ("{address: 'x:y'}", "'x:y' is not HOST:PORT"),
        ("{address: 'x:99999'}", "is not HOST:PORT"),
        ("{address: 'ipc://run.sock'}", "is not ipc:///HOME/run/principal.sock"),
        ("{address: x, color: 'rgb(1,2,3)'}", "is no colour"),
        ("{address: x, protected: maybe}", "Expected `bool`"),
        ("x:y", "'x:y' is not HOST:PORT"),
    ],
)
def test_a_wrong_entry_is_said_with_its_place(entry: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "cdktr.config.yaml").write_text(f"principals: {{prod: {entry}}}\n")
    with pytest.raises(
        SettingsError, match=r"setting principals \(from .*cdktr.config.yaml"
    ) as fault:
        load()
    assert said in str(fault.value)


def test_the_environment_gives_addresses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cdktr.config.yaml").unlink()
    monkeypatch.setenv("CDKTR_PRINCIPALS", "a=tcp://b:1,c=d")
    assert known_principals(load().settings)["a"].endpoint == "tcp://b:1"
