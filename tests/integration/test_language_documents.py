"""Every example file and every example of the pages, run by the real programs: they end as they
say. All of them are started at once; each test waits for its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cdktr_common.errors import ProtocolError
from cdktr_principal.language.dialects import load_text
from tests.integration.harness import Env
from tests.integration.language_stand import (
    Document,
    can_run,
    documents,
    ended,
    language_stand,
    need_uv,
    start,
)

DOCUMENTS = [document for document in documents() if can_run(document)]

ROOM = 40
"""Documents that are in work at a time, so that time-outs in them mean what they say."""


class Runs:
    """The runs of all documents, started as room becomes free."""

    def __init__(self, env: Env) -> None:
        self.env = env
        self.waiting = list(DOCUMENTS)
        self.started: dict[str, str | ProtocolError] = {}
        for _ in range(ROOM):
            self.next()

    def next(self) -> None:
        if self.waiting:
            self.begin(self.waiting.pop(0))

    def begin(self, document: Document) -> None:
        try:
            self.started[document.name] = start(self.env, document.text, **document.options)
        except ProtocolError as refused:
            self.started[document.name] = refused

    def of(self, document: Document) -> str:
        if document.name not in self.started:
            self.waiting.remove(document)
            self.begin(document)
        started = self.started[document.name]
        assert isinstance(started, str), started
        return started


@pytest.fixture(scope="module", name="runs")
def all_started() -> Iterator[Runs]:
    need_uv()
    with language_stand() as env:
        yield Runs(env)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_it_ends_as_it_says(runs: Runs, document: Document) -> None:
    run = runs.of(document)
    ended(runs.env, run, document.state, document.code)
    runs.next()


@pytest.mark.parametrize("document", documents(), ids=lambda document: document.name)
def test_it_has_no_fault(document: Document) -> None:
    strip = bool(document.options["strip_image"])
    plan, faults = load_text(document.text.encode(), "page", document.name, strip_image=strip)
    assert plan is not None, faults


def test_there_are_documents_of_every_dialect() -> None:
    names = [document.name for document in DOCUMENTS]
    for folder in ("workflows", "conducktor", "tork"):
        assert any(name.startswith(f"examples/{folder}/") for name in names), folder
    assert len(names) == len(set(names)) > 80
