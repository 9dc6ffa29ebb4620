"""The quick way to the endpoint and the settings agree, or the settings are asked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cdktr_cli import whereabouts
from cdktr_common import cli
from cdktr_common.settings import HELP, Settings

NONE = {"--principal": None, "--host-port": None, "--home": None}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but the home, in an empty directory."""
    for name in list(os.environ):
        if name.startswith("CDKTR_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CDKTR_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)


def by_settings(args: cli.Args) -> tuple[str, float]:
    settings, endpoint = cli.client_endpoint(args)
    return endpoint, settings.default_zmq_timeout_ms / 1000


@pytest.mark.parametrize(
    "given",
    [{}, {"--home": "/tmp/x"}, {"--home": "relative"}, {"--home": "~/h"},
     {"--host-port": "10.0.0.5:7"}, {"--host-port": "box"}],
)  # fmt: skip
def test_both_ways_agree(given: dict[str, str]) -> None:
    args = {**NONE, **given}
    assert whereabouts._beyond_doubt(args) is not None
    assert whereabouts.principal(args) == by_settings(args)


def test_a_file_in_which_all_is_commented_out_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "cdktr.config.yaml").write_text("# principal_host: x\n\n   # y\n")
    assert whereabouts._beyond_doubt(NONE) is not None
    assert whereabouts.principal(NONE) == by_settings(NONE)


def test_a_file_that_says_something_is_read(tmp_path: Path) -> None:
    (tmp_path / "cdktr.config.yaml").write_text("# x\nprincipal_port: 77\n")
    assert whereabouts._beyond_doubt(NONE) is None
    assert whereabouts.principal(NONE) == ("tcp://127.0.0.1:77", 5.0)


def test_a_file_in_the_home_counts_too(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.yaml").write_text("principals: {prod: 'tcp://10.0.0.1:5561'}\n")
    assert whereabouts._beyond_doubt(NONE) is None
    assert whereabouts.principal({**NONE, "--principal": "prod"})[0] == "tcp://10.0.0.1:5561"


@pytest.mark.parametrize("name", ["HOST", "PORT", *(name.upper() for name in HELP)])
def test_no_variable_makes_a_difference(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting from the environment: the quick way agrees with it or leaves it alone."""
    values = {"HOME": "/tmp/h", "LABELS": "a,b", "PRINCIPALS": "a=tcp://b:1", "LOG_LEVEL": "debug"}
    monkeypatch.setenv(f"CDKTR_{name}", values.get(name, "777"))
    assert whereabouts.principal(NONE) == by_settings(NONE)


def test_the_default_time_out_is_that_of_the_settings() -> None:
    assert Settings().default_zmq_timeout_ms / 1000 == whereabouts.TIMEOUT_S


def test_hints(tmp_path: Path) -> None:
    from cdktr_common.lock import Lock

    endpoint = f"ipc://{tmp_path}/home/run/principal.sock"
    assert "cdktr start principal --with-agent" in whereabouts.hint(endpoint)
    lock = Lock(tmp_path / "home" / "principal" / "lock", "cdktr-principal")
    assert f"pid {os.getpid()}" in whereabouts.hint(endpoint)
    lock.release()
    assert whereabouts.hint("tcp://10.0.0.5:5561") == ""
