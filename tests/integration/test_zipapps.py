"""Every program as one file: built twice alike, small, and working alone in an empty directory."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cdktr_common import __version__
from tests.integration.harness import Env, Proc, wait_until

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "shiv" / "build"
PROGRAMS = sorted(path.stem for path in BUILD.parent.glob("*.txt"))
COMMANDS = [name for name in PROGRAMS if name not in ("cdktr-logd",)]
LIMITS_MB = {"cdktr-agent": 3.0, "cdktr-principal": 10.0, "cdktr-tui": 6.0}


@pytest.fixture(scope="module")
def zipapps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with nothing but the zipapps."""
    built = subprocess.run([sys.executable, str(BUILD)], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    directory = tmp_path_factory.mktemp("dist")
    for program in PROGRAMS:
        shutil.copy(ROOT / "dist" / f"{program}.pyz", directory)
    return directory


@pytest.fixture
def alone(env: Env, zipapps: Path) -> Iterator[Env]:
    """An environment whose programs are the zipapps, out of reach of the checkout."""
    env.environ = {
        key: value
        for key, value in env.environ.items()
        if key not in ("PYTHONPATH", "CDKTR_PYTHON", "VIRTUAL_ENV")
    }
    env.environ["SHIV_ROOT"] = str(env.directory / "shiv")
    yield env


def python(env: Env, zipapps: Path, program: str, *args: str) -> list[str]:
    """How a zipapp is started: the interpreter that runs the tests, isolated from its packages."""
    return [sys.executable, "-S", str(zipapps / f"{program}.pyz"), *args]


def test_there_is_a_list_for_each_program() -> None:
    import tomllib

    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert sorted(scripts) == PROGRAMS


def test_a_zipapp_holds_only_what_its_program_needs(zipapps: Path) -> None:
    for program in PROGRAMS:
        names = zipfile.ZipFile(zipapps / f"{program}.pyz").namelist()
        ours = {name.split("/")[1] for name in names if name.startswith("site-packages/cdktr_")}
        assert len(ours) == 2, (program, ours)
        assert any("duckdb" in name for name in names) == (program == "cdktr-logd")
        assert any("psutil" in name for name in names) == (program == "cdktr-agent")
        assert any("textual" in name for name in names) == (program == "cdktr-tui")
        assert not [name for name in names if name.endswith((".pyx", ".h")) or "/tests/" in name]
    for program, limit in LIMITS_MB.items():
        assert (zipapps / f"{program}.pyz").stat().st_size < limit * 1e6


def test_the_same_sources_give_the_same_bytes(zipapps: Path) -> None:
    def digest() -> str:
        return hashlib.sha256((ROOT / "dist" / "cdktr-agent.pyz").read_bytes()).hexdigest()

    first = digest()
    built = subprocess.run(
        [sys.executable, str(BUILD), "--force", "cdktr-agent"], capture_output=True
    )
    assert built.returncode == 0, built.stderr
    assert digest() == first


@pytest.mark.parametrize("program", COMMANDS)
def test_it_answers_help_and_version(alone: Env, zipapps: Path, program: str) -> None:
    version = alone.command(*python(alone, zipapps, program, "--version"))
    assert (version.returncode, version.stdout) == (0, f"cdktr {__version__}\n"), version
    usage = alone.command(*python(alone, zipapps, program, "--help"))
    assert usage.returncode == 0
    assert program in usage.stdout


def test_the_protocol_is_inside(alone: Env, zipapps: Path) -> None:
    page = alone.command(*python(alone, zipapps, "cdktr-agent", "--protocol"))
    assert page.stdout == (ROOT / "cdktr_common" / "PROTOCOL.md").read_text() + "\n"


def interpreters() -> list[str]:
    """One of each version that the zipapps are for, as far as this machine has them."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = {f"3.{sys.version_info.minor}": sys.executable}
    for version in ("3.11", "3.12", "3.13"):
        candidates = [shutil.which(f"python{version}"), *pyenv.glob(f"{version}.*/bin/python3")]
        for path in candidates:
            if path and not subprocess.run([path, "-c", ""], capture_output=True).returncode:
                found.setdefault(version, str(path))
    return list(found.values())


def test_one_file_serves_several_pythons(alone: Env, zipapps: Path) -> None:
    for interpreter in interpreters():
        for program in ("cdktr-agent", "cdktr-principal"):
            # Refused after all imports, the compiled ones included: TCP without keys.
            argv = [interpreter, "-S", str(zipapps / f"{program}.pyz")]
            done = alone.command(*argv, "--host-port", "127.0.0.1:1")
            assert (done.returncode, "--insecure" in done.stderr) == (78, True), (argv, done)


def test_sources_of_events_serve_from_one_file(alone: Env, zipapps: Path) -> None:
    (alone.directory / "hooks.yaml").write_text("hooks: {x: {open: true}}\n")
    for number, interpreter in enumerate(interpreters()):
        for program, *words in (
            ("cdktr-watch", f"event{number}", str(alone.directory)),
            ("cdktr-http", "--config", "hooks.yaml", "--listen", "127.0.0.1:0"),
        ):
            argv = [interpreter, "-S", str(zipapps / f"{program}.pyz"), *words]
            proc = Proc(f"{program}{number}", argv, alone.environ, alone.directory)
            alone.procs.append(proc)
            proc.ready(60)
            assert proc.stop() == 0, proc.errors()


def test_zipapps_find_each_other_and_do_the_work(
    alone: Env, zipapps: Path, need: Callable[[str], str]
) -> None:
    """`cdktr.pyz start` runs the files beside it; commands work against them."""
    alone.workflow(
        "etl", "tasks:\n  a: {command: echo hello}\n  b: {command: exit 4, depends: a}\n"
    )
    argv = python(alone, zipapps, "cdktr", "start", "principal", "--with-agent")
    started = Proc("start", argv, alone.environ, alone.directory)
    alone.procs.append(started)

    def all_ready() -> bool:
        return "\nready cdktr " in started.out.read_text()

    wait_until(all_ready, 60, f"the zipapps: {started.errors()}")
    trigger = python(alone, zipapps, "cdktr-trigger", "--workflow", "etl", "--wait")
    done = alone.command(*trigger)
    assert done.returncode == 4, done
    run = done.stdout.strip()
    raw = python(alone, zipapps, "cdktr-logs", "--raw", "--run", run, "--task", "a")
    wait_until(lambda: alone.command(*raw).stdout == "hello\n", what="the output")
    front = alone.command(*python(alone, zipapps, "cdktr", "logs", "query", "--run", run))
    assert "hello" in front.stdout, front
    shown = alone.command(*python(alone, zipapps, "cdktr-ctl", "show", run))
    assert "FAILED" in shown.stdout
    frame = ("--once", "--plain", "--size", "80x24")
    for argv in (("cdktr-tui", *frame), ("cdktr", "ui", *frame)):
        seen = alone.command(*python(alone, zipapps, *argv))
        assert (seen.returncode, "etl" in seen.stdout) == (0, True), seen
    sql = ("--json", "select state from runs where workflow = 'etl'")
    asked = alone.command(*python(alone, zipapps, "cdktr-sql", *sql))
    assert (asked.returncode, "FAILED" in asked.stdout) == (0, True), asked
    adhoc = alone.command(*python(alone, zipapps, "cdktr-run", "--", "sh", "-c", "echo x; exit 9"))
    assert (adhoc.returncode, adhoc.stdout) == (9, "x\n"), adhoc
    used = {os.path.realpath(f"/proc/{pid}/exe") for pid in alone.leftovers()}
    assert used
    assert started.stop() == 0, started.errors()
