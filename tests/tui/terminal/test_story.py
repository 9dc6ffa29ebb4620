"""The program as somebody uses it: in a terminal, with a real principal, recorder and agent."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hostile.corpus import CASES, TITLE
from tests.integration.harness import Env, environment
from tests.tui.terminal.tmux import PROMPT, Tmux

ROOT = Path(__file__).parents[3]
ETL = """
tasks:
  extract: {command: "echo extracted"}
  load: {command: "echo loading; while [ ! -e GATE ]; do sleep 0.05; done; exit 3", depends: [extract]}
  report: {command: "echo reported", depends: [load]}
"""  # noqa: E501
PROGRAM = f"{sys.executable} -m cdktr_tui"


@contextmanager
def sat_at(need: Callable[[str], str]) -> Iterator[tuple[Env, Tmux]]:
    """Somebody at a terminal, beside a principal that has two workflows."""
    need("tmux")
    with environment() as env:
        env.workflow("etl", ETL.replace("GATE", str(env.directory / "gate")))
        env.workflow("backup", "tasks:\n  t: {command: 'true'}\n")
        with Tmux({**env.environ, "PYTHONPATH": str(ROOT)}) as terminal:
            yield env, terminal


def test_somebody_starts_watches_cancels_and_repeats_runs(need: Callable[[str], str]) -> None:
    with sat_at(need) as (env, terminal):
        env.everything()
        terminal.run(PROGRAM)
        terminal.shows("backup", "etl", "never ran")
        terminal.type("j")
        terminal.shows("> etl")
        terminal.type("r")
        terminal.shows("etl started")
        terminal.press("Enter")
        terminal.shows("✓ extract", "> ● load", "○ report", "loading")
        terminal.type("c")
        terminal.shows("cancel etl", "y cancel")
        terminal.type("y")
        terminal.shows("⊘ load", "⊘ cancelled")
        (env.directory / "gate").touch()
        terminal.type("R")
        terminal.shows("f failed tasks")
        terminal.type("a")
        terminal.shows("is repeated as")
        terminal.type("q")
        terminal.until(lambda now: "✗ failed" in now and "> etl" in now, what="the second run")
        terminal.resize(140, 40)
        terminal.until(lambda now: len(now.rstrip().split("\n")) == 40, what="40 rows")
        terminal.resize(30, 8)
        terminal.shows("too small")
        terminal.resize(80, 24)
        terminal.shows("> etl", "✗ failed")
        assert terminal.alternate
        terminal.type("q")
        terminal.until(lambda now: now.rstrip().endswith(f"\n{PROMPT}"), what="the prompt")
        assert not terminal.alternate


def test_nothing_that_a_task_writes_gets_through_to_the_terminal(
    need: Callable[[str], str],
) -> None:
    with sat_at(need) as (env, terminal):
        env.everything()
        texts = env.directory / "texts"
        cases = [text.encode("utf-8", "surrogatepass") for text in CASES.values()]
        texts.write_bytes(b"\n".join(cases) + b"\nthe last line\n")
        env.wait(env.run(f"cat {texts}"))
        before = terminal.title
        terminal.run(f"{PROGRAM} -c runs")
        terminal.shows("adhoc")
        terminal.press("Enter")
        terminal.shows("the last line")
        terminal.type("l")
        terminal.shows("the last line", "esc back")
        terminal.type("g")
        terminal.shows("w0rd")
        assert terminal.title == before and TITLE not in before
        assert terminal.alternate
        terminal.press("C-q")
        terminal.until(lambda now: now.rstrip().endswith(PROMPT), what="the prompt")


def test_it_goes_into_the_background_and_comes_back_as_it_was(
    need: Callable[[str], str],
) -> None:
    with sat_at(need) as (env, terminal):
        env.principal()
        terminal.run(f"{need('bash')} --norc")
        terminal.run(PROGRAM)
        before = terminal.shows("> backup", "1 task", "agents 0", "\n  t\n", "? help")
        terminal.press("C-z")
        terminal.shows("Stopped")
        assert not terminal.alternate
        terminal.run("fg")
        after = terminal.shows("> backup", "1 task", "agents 0", "\n  t\n", "? help")
        assert after.split("\n")[1:] == before.split("\n")[1:]


@pytest.mark.long
def test_a_principal_that_is_killed_is_missed_and_found_again(need: Callable[[str], str]) -> None:
    with sat_at(need) as (env, terminal):
        principal, _, _ = env.everything()
        terminal.run(PROGRAM)
        terminal.shows("backup", "etl", "●")
        principal.kill()
        assert "> backup" in terminal.shows("○ lost", "old data")
        env.principal()
        terminal.shows("local ●")
        terminal.type("r")
        terminal.shows("backup started", "✓")
