"""The front door: what stands before the command, older words, programs found by name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cdktr_cli import front, programs


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """What would have been called."""
    calls: list[tuple[str, list[str]]] = []

    def note(name: str, arguments: list[str]) -> int:
        calls.append((name, arguments))
        return 0

    monkeypatch.setattr(front, "call", note)
    return calls


@pytest.mark.parametrize(
    ("words", "call"),
    [
        ("ctl runs -n 5", ("ctl", "runs -n 5")),
        ("--host-port h:1 ctl runs", ("ctl", "--host-port h:1 runs")),
        ("--home=/x --principal p run -- a --help", ("run", "--home=/x --principal p -- a --help")),
        ("logs --flow w --tail 20", ("logs", "--flow w --tail 20")),
        ("logs query --workflow w --last 1h", ("logs", "query --workflow w --last 1h")),
        ("task list", ("ctl", "workflows")),
        ("--home /x task list --json", ("ctl", "--home /x workflows --json")),
        ("task run my-workflow --wait", ("trigger", "--workflow my-workflow --wait")),
        ("task run --wait my-workflow", ("trigger", "--wait --workflow my-workflow")),
        ("task run -p 1 w", ("trigger", "-p 1 --workflow w")),
        ("ui", ("tui", "")),
        ("anything --at all", ("anything", "--at all")),
        ("help ctl", ("ctl", "--help")),
    ],
)  # fmt: skip
def test_words_become_a_call(
    words: str, call: tuple[str, str], called: list[tuple[str, list[str]]]
) -> None:
    assert front.main(words.split()) == 0
    assert called == [(call[0], call[1].split())]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("strat", 2, "no command 'strat'; did you mean start?"),
        ("triger x", 2, "did you mean trigger?"),
        ("xyzzy", 2, "no command 'xyzzy'"),
        ("workflow list", 2, "try `cdktr task`"),
        ("--hoem /x start", 2, "unknown option --hoem; did you mean --home?"),
        ("--home", 2, "--home needs a value"),
        ("task lst", 2, "did you mean list?"),
        ("task", 2, "task list, or task run"),
    ],
)
def test_what_is_not_known_gets_the_nearest(
    words: str, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        front.main(words.split())
    assert ended.value.code == code
    assert says in capsys.readouterr().err


def test_no_command_is_usage_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    assert front.main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Examples:" in err


@pytest.mark.parametrize("words", ["--help", "help", "-h"])
def test_help_begins_with_examples(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    try:
        front.main([words])
    except SystemExit as ended:
        assert ended.code == 0
    out = capsys.readouterr().out
    assert out.index("Examples:") < out.index("Usage:") < out.index("Options:")
    for name in (*front.OWN, *programs.BUILT_IN):
        assert f"  {name} " in out


def test_programs_are_found_beside_first_then_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def place(directory: str, name: str, mode: int = 0o755) -> Path:
        file = tmp_path / directory / name
        file.parent.mkdir(exist_ok=True)
        file.write_text("#!/bin/sh\n")
        file.chmod(mode)
        return file

    here = place("bin", "cdktr")
    monkeypatch.setattr(sys, "argv", [str(here)])
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert programs.find("foo") is None
    on_path = place("path", "cdktr-foo")
    assert programs.find("foo") == [str(on_path)]
    assert "foo" in programs.all_names()
    archive = place("bin", "cdktr-foo.pyz", 0o644)
    assert programs.find("foo") == [sys.executable, str(archive)]
    beside = place("bin", "cdktr-foo")
    assert programs.find("foo") == [str(beside)]
    link = tmp_path / "link"
    link.symlink_to(here)
    monkeypatch.setattr(sys, "argv", [str(link)])
    assert programs.find("foo") == [str(beside)]
