"""One listener in six languages, none with a line of CDKTR: each tells every line of its file once
and hears of every run, whatever is killed meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cdktr_common.catalogue import principal as p
from tests.conftest import need_tool
from tests.integration.harness import Env, Proc, environment, wait_until
from tests.integration.lines_stand import LANGUAGES, program

LINES = [
    "plain", 'with "quotes" and a \\ backslash', "ünï ☃ code", "", "  spaces  ", "tab\tin it",
    *(f"line {number}" for number in range(14)),
]  # fmt: skip
LATER = [f"later {number}" for number in range(10)]
QUICK = """
name: quick
events: [{events}]
tasks:
  none: {{command: "true", if: "false"}}
"""


class Told(NamedTuple):
    """What a listener has told, by the principal's record, and what it has printed."""

    before: list[Any]
    printed: list[str]
    after: list[Any]
    printed_after: list[str]
    ended: set[str]
    runs: set[str]


def facts(env: Env) -> list[dict[str, Any]]:
    page = env.client().ask(p.EventList(limit=10_000), p.EventPage)
    return [json.loads(bytes(fact)) for fact in page.events]


def told(env: Env, language: str) -> list[Any]:
    return [
        fact["payload"]["line"]
        for fact in facts(env)
        if fact["type"] == "event.fired" and fact["event"] == f"line-{language}"
    ]


def ended(env: Env) -> set[str]:
    return {fact["run"] for fact in facts(env) if fact["type"] == "run.ended"}


def printed(env: Env, language: str) -> list[str]:
    out = env.directory / f"{language}.out"
    return [line.split()[0] for line in out.read_text().splitlines()]


class Campaign:
    """All listeners at once against one principal, which is killed twice; then they are killed."""

    def __init__(self, env: Env) -> None:
        self.env = env
        self.programs: dict[str, list[str]] = {}
        self.endpoint = f"ipc://{env.home}/run/principal.sock"
        self.results: dict[str, Told] = {}

    def build(self) -> None:
        for language in LANGUAGES:
            try:
                self.programs[language] = program(language, need_tool, self.env.directory)
            except pytest.skip.Exception:
                continue
        names = ", ".join(f"line-{language}" for language in self.programs)
        self.env.workflow("quick", QUICK.format(events=names))

    def file(self, language: str) -> Path:
        return self.env.directory / f"{language}.log"

    def listen(self) -> list[subprocess.Popen[bytes]]:
        started = []
        for language, argv in self.programs.items():
            words = [*argv, self.endpoint, f"line-{language}", str(self.file(language))]
            with (self.env.directory / f"{language}.out").open("ab") as out:
                environ = {**self.env.environ}
                started.append(subprocess.Popen(words, env=environ, stdout=out,
                               start_new_session=True))  # fmt: skip
        return started

    def all_told(self, count: int) -> bool:
        return all(len(told(self.env, language)) >= count for language in self.programs)

    def more_told(self) -> bool:
        return any(len(told(self.env, one)) > len(LINES) for one in self.programs)

    def restarted(self, principal: Proc) -> Proc:
        principal.kill()
        return self.env.principal()

    def play(self) -> None:
        env = self.env
        for language in self.programs:
            self.file(language).write_text("\n".join(LINES) + "\n" + LATER[0][:3])
            Path(f"{self.file(language)}.told").write_text("0 0\n")  # from the first fact on
        principal = env.principal()
        listeners = self.listen()
        try:
            wait_until(lambda: any(told(env, one) for one in self.programs), what="the first")
            principal = self.restarted(principal)
            wait_until(lambda: self.all_told(8), 40, "the next ones")
            principal = self.restarted(principal)
            wait_until(lambda: self.all_told(len(LINES)), 40, "all lines")
            runs = ended(env)
            wait_until(lambda: all(set(printed(env, one)) >= runs for one in self.programs), 20,
                       "what was printed")  # fmt: skip
            before = {one: (told(env, one), printed(env, one)) for one in self.programs}
            for language in self.programs:
                with self.file(language).open("a") as file:
                    file.write("\n".join([LATER[0][3:], *LATER[1:]]) + "\n")
            wait_until(self.more_told, what="more")
        finally:
            kill(listeners)
        listeners = self.listen()
        try:
            wait_until(lambda: self.all_told(len(LINES) + len(LATER)), 40, "the later lines")
            runs_after = ended(env)
            wait_until(lambda: all(set(printed(env, one)) >= runs_after for one in self.programs),
                       20, "what was printed at last")  # fmt: skip
        finally:
            kill(listeners)
        for one in self.programs:
            self.results[one] = Told(*before[one], told(env, one), printed(env, one), runs,
                                     runs_after)  # fmt: skip


def kill(listeners: list[subprocess.Popen[bytes]]) -> None:
    for listener in listeners:
        os.killpg(listener.pid, 9)
        listener.wait()


@pytest.fixture(scope="module")
def campaign() -> Iterator[Campaign]:
    with environment() as env:
        campaign = Campaign(env)
        campaign.build()
        campaign.play()
        yield campaign


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_is_told_once_and_every_run_is_heard_of(
    campaign: Campaign, language: str
) -> None:
    if language not in campaign.programs:
        program(language, need_tool, campaign.env.directory)
    result = campaign.results[language]
    assert result.before == LINES
    assert sorted(result.printed) == sorted(result.ended)
    assert result.after == LINES + LATER
    assert set(result.printed_after) == result.runs
