"""What the comments of the example files promise, states, codes and output, on the real programs.

That every file and every example of the pages ends as it says is tested for all of them at once in
`test_language_documents`."""

from __future__ import annotations

import base64
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdktr_common.catalogue import logd as l
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.common import Hello, Welcome
from cdktr_common.client import Client
from cdktr_principal.language.dialects import load_text
from tests.integration.harness import Env, environment, wait_until

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PAGE = (ROOT / "docs/workflow.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module", name="engine")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Env]:
    """All programs with the examples as workflows; the agent stands where a user would stand."""
    with environment() as env:
        env.environ["CITIES_OUT"] = str(tmp_path_factory.mktemp("cities"))
        shutil.copytree(EXAMPLES / "workflows", env.workflows, dirs_exist_ok=True)
        shutil.copy(EXAMPLES / "cities/cities.yaml", env.workflows)
        env.principal()
        env.logd()
        env.agent("a1", "--workdir", str(ROOT), slots=4)
        yield env


def start(env: Env, workflow: str) -> str:
    started = env.client().ask(p.RunStart(workflow=workflow), p.RunStarted)
    return started.runs[0].run


def states(env: Env, run: str) -> dict[str, str]:
    return {task: row.state for task, row in env.tasks(run).items()}


def output(env: Env, run: str, task: str) -> str:
    """What a task printed, once logd has all of it."""
    welcome = env.client().ask(Hello(), Welcome)

    def whole() -> list[bytes]:
        data = b""
        with Client(welcome.endpoints["logd"][0]) as client:
            while True:
                ask = l.LogRead(run=run, task=task, stream="stdout", offset=len(data))
                page = client.ask(ask, l.LogPage)
                for chunk in page.chunks:
                    text = (chunk.text or "").encode()
                    data += base64.b64decode(chunk.b64) if chunk.b64 else text
                if page.next is None:
                    return [data] if any(chunk.end for chunk in page.chunks) else []

    return wait_until(whole, 10, f"all output of {task}")[0].decode()


def test_hello_by_its_name(engine: Env) -> None:
    run = start(engine, "Hello")
    assert engine.wait(run).state == "COMPLETED"


def test_lost_and_found_when_nothing_is_lost(engine: Env) -> None:
    run = start(engine, "lost")
    assert engine.wait(run).state == "COMPLETED"
    assert output(engine, run, "transfer").startswith("transferred under ")


def test_parallel(engine: Env) -> None:
    run = start(engine, "parallel")
    assert engine.wait(run).state == "COMPLETED"
    attempts = [row.attempts[0] for row in engine.tasks(run).values()]
    last_start = max(attempt.started_ts or 0.0 for attempt in attempts)
    assert all((attempt.ended_ts or 0.0) > last_start for attempt in attempts)


def test_diamond(engine: Env) -> None:
    run = start(engine, "diamond")
    assert engine.wait(run).state == "COMPLETED"
    at = {task: row.attempts[0] for task, row in engine.tasks(run).items()}
    for before, after in (("start", "left"), ("start", "right"), ("left", "end"), ("right", "end")):
        assert (at[before].ended_ts or 0.0) <= (at[after].started_ts or 0.0)


def test_an_event_brings_its_payload(engine: Env) -> None:
    fire = p.EventFire(event="file-changed", payload={"path": "/tmp/ä b.csv"})
    (ref,) = engine.client().ask(fire, p.RunStarted).runs
    assert ref.workflow == "on-event"
    assert engine.wait(ref.run).state == "COMPLETED"
    shown = output(engine, ref.run, "show")
    assert shown == 'event:   file-changed\npayload: {"path":"/tmp/ä b.csv"}\n'
    payload = '{"path":"/tmp/ä b.csv"}'
    assert output(engine, ref.run, "from-file").strip() == str(len(payload.encode()))


def fire(env: Env, event: str, payload: object) -> p.RunStarted:
    return env.client().ask(p.EventFire(event=event, payload=payload), p.RunStarted)


def test_a_run_follows_another(engine: Env) -> None:
    def followers() -> set[str]:
        page = engine.client().ask(p.RunList(workflow="follow"), p.RunPage)
        return {row.run for row in page.runs}

    before = followers()
    (ref,) = fire(engine, "new-file", {"path": "/tmp/a"}).runs
    assert engine.wait(ref.run).state == "COMPLETED"
    (run,) = wait_until(lambda: followers() - before, 10, "the run that follows")
    assert engine.wait(run).state == "COMPLETED"
    assert ref.run in output(engine, run, "say")


def test_readings_are_taken_in_batches_and_only_some_files_count(engine: Env) -> None:
    assert not fire(engine, "file.changed", {"path": "/tmp/a.txt"}).held
    assert fire(engine, "file.changed", {"path": "/tmp/a.csv"}).held
    told = [fire(engine, f"sensor.{n % 3}", n) for n in range(10)]
    assert all(one.held and not one.runs for one in told[:-1])
    (ref,) = told[-1].runs
    assert engine.wait(ref.run).state == "COMPLETED"
    assert output(engine, ref.run, "show") == "sensor.0: [0,1,2,3,4,5,6,7,8,9]\n"


def test_without_an_event_there_is_no_payload(engine: Env) -> None:
    run = start(engine, "on-event")
    assert engine.wait(run).state == "COMPLETED"
    assert output(engine, run, "from-file") == "no payload\n"


def test_a_failing_branch(engine: Env) -> None:
    run = start(engine, "failing")
    row = engine.wait(run)
    assert (row.state, row.code) == ("FAILED", 3)
    assert states(engine, run) == {
        "start": "COMPLETED",
        "broken": "FAILED",
        "after-broken": "SKIPPED",
        "fine": "COMPLETED",
        "after-fine": "COMPLETED",
        "report": "SKIPPED",
    }


def test_a_timeout(engine: Env) -> None:
    run = start(engine, "timeout")
    row = engine.wait(run)
    assert (row.state, row.code) == ("FAILED", 124)
    assert states(engine, run) == {"quick": "COMPLETED", "slow": "FAILED"}
    assert output(engine, run, "slow") == "this will take a minute\n"


def test_the_cities_report(engine: Env) -> None:
    run = start(engine, "cities")
    row = engine.wait(run, 60)
    assert row.state == "COMPLETED", states(engine, run)
    report = Path(engine.environ["CITIES_OUT"]) / run / "report.txt"
    assert output(engine, run, "report").startswith(report.read_text(encoding="utf-8"))


def test_arguments_and_variables_arrive_as_the_page_says(engine: Env) -> None:
    def run_of(part: str) -> str:
        block = next(block for block in BLOCKS if part in block)
        plan, _ = load_text(block.encode(), "page", "docs/workflow.md")
        assert plan is not None
        run = engine.submit(plan)
        assert engine.wait(run).state == "COMPLETED"
        return run

    assert output(engine, run_of("cmd: printf"), "greet") == "$HOME costs 1.10\n"
    assert output(engine, run_of("VERBOSE: on"), "show") == "test on 1.10 \n"
    assert output(engine, run_of("workdir: /tmp"), "in-root") == "/\n"
    found = output(engine, run_of("env | grep"), "show")
    names = {line.partition("=")[0] for line in found.splitlines()}
    told = set(re.findall(r"^\| `(CDKTR_[A-Z_]+)` \|", PAGE, re.MULTILINE))
    elsewhere = {"CDKTR_PAYLOAD", "CDKTR_PAYLOAD_FILE", "CDKTR_PARAM_NAME", "CDKTR_OUT_ID_KEY"}
    assert told - elsewhere <= names
