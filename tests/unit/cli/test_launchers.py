"""The launchers of `bin/`: one for each program, from anywhere, leaving no trace for children."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
BIN = ROOT / "bin"
SCRIPTS: dict[str, str] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]


def test_every_program_has_one_that_calls_what_is_installed() -> None:
    assert {path.name for path in BIN.iterdir()} == set(SCRIPTS)
    for name, target in SCRIPTS.items():
        text = (BIN / name).read_text()
        assert f"from {target.partition(':')[0]} import run\n" in text
        assert os.access(BIN / name, os.X_OK)
        assert f"# {name} from this checkout" in text


def called(argv: list[str], cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        argv, cwd=cwd, env={**env, **environ}, capture_output=True, text=True, timeout=30
    )


@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_it_runs_from_anywhere_and_says_its_version(name: str, tmp_path: Path) -> None:
    done = called([str(BIN / name), "--version"], tmp_path, CDKTR_PYTHON=sys.executable)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("cdktr ")


def test_a_link_works_and_the_directory_it_is_called_in_is_not_imported(tmp_path: Path) -> None:
    (tmp_path / "docopt.py").write_text("raise SystemExit('the wrong docopt')")
    (tmp_path / "linked").symlink_to(BIN / "cdktr")
    done = called(["./linked", "config", "list"], tmp_path, CDKTR_PYTHON=sys.executable)
    assert done.returncode == 0, done.stderr


def test_a_foreign_program_gets_arguments_and_a_clean_environment(tmp_path: Path) -> None:
    """`cdktr foo` is any `cdktr-foo` on PATH."""
    foreign = tmp_path / "cdktr-foo"
    foreign.write_text('#!/bin/sh\necho "$@"\necho "path=$PYTHONPATH"\nexit 9\n')
    foreign.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    argv = [str(BIN / "cdktr"), "--home", "/h", "foo", "a b", "--help"]
    done = called(argv, tmp_path, CDKTR_PYTHON=sys.executable, PATH=path)
    assert (done.returncode, done.stdout) == (9, "--home /h a b --help\npath=\n")


def test_no_python_is_said(tmp_path: Path) -> None:
    done = called(["/bin/sh", str(BIN / "cdktr")], tmp_path, PATH="/nowhere", CDKTR_PYTHON="")
    if not (ROOT / ".venv").exists():
        assert done.returncode == 127
        assert "set CDKTR_PYTHON" in done.stderr
