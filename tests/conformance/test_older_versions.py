"""What older versions said and wrote is still understood: their messages, their journal, and what
their journal means. `tests/vectors/README.md` tells what is kept of each and how."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cdktr_common.catalogue import FACTS, PUBLISHED, REQUESTS
from cdktr_common.catalogue import principal as p
from cdktr_common.codec import decode_reply, encode, tag_of
from cdktr_common.errors import ProtocolError
from cdktr_principal.decisions.session import Session
from cdktr_principal.requests import queries
from cdktr_principal.state.state import State
from cdktr_principal.store.journal import Journal
from tests.conformance.test_catalogue import decoders
from tests.integration.harness import environment
from tests.vectors.keep import keep

VECTORS = Path(__file__).parent.parent / "vectors"
OLDER = sorted(path for path in VECTORS.iterdir() if path.is_dir() and path.name[0].isdigit())
BY_TAG = {tag_of(kind): kind for kind in REQUESTS}
SHOWN = {str(kind.__struct_config__.tag): kind for kind in (*FACTS, *PUBLISHED)}


def kept(name: str) -> list[Any]:
    """All vectors of that name of all older versions, to be told apart by version and message."""
    return [
        pytest.param(vector, id=f"{version.name} {vector['frames'][-1][:60]}")
        for version in OLDER
        for vector in json.loads((version / name).read_text())
    ]


def plain(value: Any) -> Any:
    return json.loads(encode(value))


def within(older: Any, newer: Any) -> bool:
    """Is all that was said then said now? What is new may be there besides."""
    if isinstance(older, dict):
        return all(within(value, newer.get(key)) for key, value in older.items())
    if isinstance(older, list):
        return len(older) == len(newer) and all(map(within, older, newer))
    return bool(older == newer)


def test_there_are_older_versions() -> None:
    assert [path.name for path in OLDER][:1] == ["0.1.0"]


@pytest.mark.parametrize("vector", kept("requests.json"))
def test_an_older_request_is_understood(vector: dict[str, Any]) -> None:
    for decoder in decoders(vector["to"]):
        assert plain(decoder.decode(vector["frames"][-1].encode())) == vector["message"]


@pytest.mark.parametrize("vector", kept("tolerated.json"))
def test_what_an_older_server_tolerated_is_tolerated(vector: dict[str, Any]) -> None:
    for decoder in decoders(vector["to"]):
        same = decoder.decode(encode(vector["same_as"]))
        assert decoder.decode(vector["frames"][-1].encode()) == same


@pytest.mark.parametrize("vector", kept("replies.json"))
def test_an_older_reply_is_understood(vector: dict[str, Any]) -> None:
    body = vector["frames"][-1].encode()
    if vector["message"]["type"] == "error":
        with pytest.raises(ProtocolError, match="no workflow"):
            decode_reply(body, BY_TAG[vector["request"]])
    else:
        assert plain(decode_reply(body, BY_TAG[vector["request"]])) == vector["message"]


@pytest.mark.parametrize("vector", kept("facts.json"))
def test_an_older_fact_is_understood(vector: dict[str, Any]) -> None:
    kind = SHOWN[vector["message"]["type"]]
    assert plain(msgspec.json.decode(vector["frames"][-1], type=kind)) == vector["message"]


@pytest.fixture(params=OLDER, ids=lambda path: path.name)
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """A copy of the journal of an older version, and what it meant to that version."""
    journal = tmp_path / "journal"
    shutil.copytree(request.param / "journal", journal)
    yield journal, json.loads((request.param / "state.json").read_text())


def folded(directory: Path) -> State:
    state = State()
    for fact in Journal(directory).recover(0):
        state.apply(fact, fact.topic())
    return state


def test_an_older_journal_has_every_fact_of_its_version_and_folds_to_what_it_meant(
    older: tuple[Path, dict[str, Any]],
) -> None:
    journal, meant = older
    state = folded(journal)
    runs = queries.run_list(state, p.RunList(limit=1000)).runs
    assert within(meant["runs"], plain(runs))
    for run, tasks in meant["tasks"].items():
        shown = queries.task_list(state, Session(), state.runs[run], p.TaskList(run=run)).tasks
        assert within(tasks, plain(shown))
    listed = queries.workflow_list(state, Session(), p.WorkflowList())
    assert within(meant["workflows"], plain(listed.workflows))
    assert sorted(state.agents) == meant["agents"]


def test_facts_that_were_kept_are_all_kinds_there_were(tmp_path: Path) -> None:
    """Also by what would be kept of this version, were it released now."""
    keep(tmp_path / "now")
    for version in (*OLDER, tmp_path / "now"):
        known = {
            fact["message"]["type"] for fact in json.loads((version / "facts.json").read_text())
        }
        text = "".join(path.read_text() for path in (version / "journal").glob("*.jsonl"))
        written = {json.loads(line)["type"] for line in text.splitlines()}
        assert known - {str(kind.__struct_config__.tag) for kind in PUBLISHED} == written


def test_a_principal_takes_an_older_home_over(older: tuple[Path, dict[str, Any]]) -> None:
    """With its snapshot, which may be read or passed over, and with work that goes on."""
    journal, meant = older
    with environment() as env:
        (env.home / "principal").mkdir(parents=True, mode=0o700)
        shutil.copytree(journal, env.home / "principal" / "journal")
        env.principal()
        client = env.client()
        runs = client.ask(p.RunList(limit=1000), p.RunPage).runs
        assert within(meant["runs"], plain(runs))
        for run, tasks in meant["tasks"].items():
            assert within(tasks, plain(client.ask(p.TaskList(run=run), p.TaskPage).tasks))
        env.agent()
        assert env.wait(env.run("echo new")).state == "COMPLETED"
