"""What `cdktr init` writes means what it says, and never overwrites."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from cdktr_cli import config, init
from cdktr_common.settings import HELP, Settings, load


def test_every_setting_is_there_commented_out_with_its_default(tmp_path: Path) -> None:
    text = init.settings_text()
    assert yaml.safe_load(text) is None
    uncommented = "\n".join(
        line[1:] if line.startswith("#") and not line.startswith("# ") else line
        for line in text.split("\n")
    )
    assert set(yaml.safe_load(uncommented)) == set(HELP)
    (tmp_path / "cdktr.config.yaml").write_text(uncommented)
    loaded = load(environ={"CDKTR_HOME": "/nowhere"}, directory=tmp_path)
    assert set(loaded.sources.values()) == {str(tmp_path / "cdktr.config.yaml")}
    expected = Settings(home=loaded.settings.home, workflow_dir=str(tmp_path / "workflows"))
    assert loaded.settings == expected


def test_a_fresh_directory_and_a_second_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "new"
    target.mkdir()
    assert init.main([str(target)]) == 0
    assert f"wrote {target}/workflows/hello.yaml" in capsys.readouterr().out
    (target / "workflows" / "hello.yaml").write_text("mine")
    assert init.main([str(target)]) == 0
    out = capsys.readouterr().out
    assert f"kept {target}/cdktr.config.yaml: it exists" in out
    assert (target / "workflows" / "hello.yaml").read_text() == "mine"


def test_config_list_tells_where_each_value_came_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cdktr.config.yaml").write_text("max_executors: 3\n")
    monkeypatch.setenv("CDKTR_HOME", str(tmp_path / "h"))
    monkeypatch.setenv("CDKTR_LOG_LEVEL", "debug")
    assert config.main(["--host-port", "box:7", "list", "--json"]) == 0
    rows = {row["setting"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == list(HELP)
    assert [(rows[name]["value"], rows[name]["source"]) for name in (
        "max_executors", "log_level", "principal_host", "principal_port", "home", "retry_attempts",
    )] == [
        (3, str(tmp_path / "cdktr.config.yaml")), ("debug", "CDKTR_LOG_LEVEL"),
        ("box", "command line"), (7, "command line"), (str(tmp_path / "h"), "CDKTR_HOME"),
        (3, "default"),
    ]  # fmt: skip
    assert config.main(["list"]) == 0
    assert "log_level" in capsys.readouterr().out
