"""The hostile corpus in every text that the program is told, on every view: nothing of it gets to
the terminal, and nothing of it ends the program. Output has its own tests (`test_log.py`)."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from cdktr_common import clean
from cdktr_common.catalogue import FACTS, logd, principal
from cdktr_common.catalogue.base import Fact, Reply, Request
from cdktr_tui import views
from cdktr_tui.feed.items import Told
from tests.hostile.corpus import CASES
from tests.tui.stage import Stage, perform

TEXTS = [text.replace("\ud83d", "") for text in CASES.values()]
ANSWERS: dict[type[Request], type[Reply]] = {
    principal.WorkflowList: principal.WorkflowPage,
    principal.WorkflowShow: principal.WorkflowDetail,
    principal.RunList: principal.RunPage,
    principal.RunShow: principal.RunDetail,
    principal.RunWait: principal.RunStatus,
    principal.TaskList: principal.TaskPage,
    principal.ScheduleList: principal.SchedulePage,
    principal.AgentList: principal.AgentPage,
    principal.AgentShow: principal.AgentDetail,
    principal.EventList: principal.EventPage,
}
PLACES: list[tuple[str, dict[str, Any]]] = [
    ("workflows", {}), ("runs", {}), ("agents", {}), ("schedule", {}), ("events", {}),
    ("run", {"run": "k3f9x2mq7a", "workflow": "etl"}), ("grid", {"workflow": "etl"}),
    ("agent", {"agent": "box1"}),
]  # fmt: skip


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The places of all texts in this."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from leaves(inner, (*path, at))


def put(value: Any, path: tuple[Any, ...], text: str) -> Any:
    changed = copy.deepcopy(value)
    place = changed
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = text
    return changed


def poisoned(kind: type[Any], texts: Iterator[str]) -> Any:
    """The example of this message with the corpus in each of its texts that may be any text; lists
    are longer than in the example."""
    plain = msgspec.json.decode(kind.example)
    for key, value in plain.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            plain[key] = [copy.deepcopy(value[n % len(value)]) for n in range(12)]
    for path in list(leaves(plain)):
        if path == ("type",):
            continue
        worse = put(plain, path, next(texts))
        try:
            msgspec.json.decode(msgspec.json.encode(worse), type=kind)
        except (msgspec.ValidationError, ValueError):
            continue  # one of a few words: no text
        plain = worse
    return msgspec.json.decode(msgspec.json.encode(plain), type=kind)


@pytest.mark.parametrize(("name", "of"), PLACES, ids=[name for name, _ in PLACES])
def test_no_view_passes_on_what_it_is_told(name: str, of: dict[str, Any]) -> None:
    texts = itertools.cycle(TEXTS)
    answers: dict[Any, Any] = {kind: poisoned(one, texts) for kind, one in ANSWERS.items()}
    answers |= {kind: logd.LogPage(chunks=[]) for kind in (logd.LogQuery, logd.LogRead)}
    facts: list[Fact] = [poisoned(kind, texts) for kind in FACTS]

    async def script(stage: Stage) -> None:
        seen = ""
        if name in ("workflows", "runs", "agents", "schedule", "events"):
            stage.app.go(name)
        else:
            stage.app.open(views.make(name, stage.app.session, **of))
        await stage.settle()
        for key in ("j", "w", "L", "question_mark", "q", "v"):
            await stage.press(key)
            seen += stage.text
        await stage.tell(*(Told(fact=fact) for fact in facts))
        seen += stage.text
        assert not [row for row in seen.split("\n") if not clean.is_clean(row)]

    perform(script, answers, size=(140, 40))
