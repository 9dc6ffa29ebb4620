"""The hostile corpus in every text that the program is told, on every view: nothing of it gets to
the screen, though the last wall before the terminal is taken away here, and nothing of it ends the
program. Output has its own tests (`test_log.py`)."""

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
from cdktr_tui.feed.items import Link, Told
from cdktr_tui.session import Place
from cdktr_tui.terminal.program import strips
from cdktr_tui.terminal.wall import Wall
from tests.hostile.corpus import CASES
from tests.tui.stage import HERE, NOW, Stage, perform

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
    ("agent", {"agent": "box1"}), ("help", {"place": "runs"}), ("principals", {}),
    ("diagnostics", {}), ("query", {}),
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


def unclean(stage: Stage) -> list[str]:
    """Rows of the screen that a terminal would obey."""
    rows = [strip.text for strip in strips(stage.app)]
    return [row for row in rows if not clean.is_clean(row)]


@pytest.fixture
def no_wall(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was forgotten at the first wall is not caught at the last one."""
    monkeypatch.setattr(Wall, "apply", lambda self, segments, background: segments)


@pytest.mark.usefixtures("no_wall")
@pytest.mark.parametrize(("name", "of"), PLACES, ids=[name for name, _ in PLACES])
def test_no_view_passes_on_what_it_is_told(name: str, of: dict[str, Any]) -> None:
    texts = itertools.cycle(TEXTS)
    answers: dict[Any, Any] = {kind: poisoned(one, texts) for kind, one in ANSWERS.items()}
    answers |= {kind: logd.LogPage(chunks=[]) for kind in (logd.LogQuery, logd.LogRead)}
    answers[logd.QueryRun] = logd.QueryPage(
        query="q", columns=TEXTS[:6], types=["VARCHAR"] * 6,
        rows=[TEXTS[at : at + 6] for at in range(len(TEXTS) - 6)],
    )  # fmt: skip
    facts: list[Fact] = [poisoned(kind, texts) for kind in FACTS]

    async def script(stage: Stage) -> None:
        seen: list[str] = []
        if name in ("workflows", "runs", "agents", "schedule", "events", "query"):
            stage.app.go(name)
        else:
            stage.app.open(views.make(name, stage.app.session, **of))
        await stage.settle()
        if name == "query":
            stage.view.begin(next(texts))
        for key in ("j", "w", "L", "enter", "escape", "question_mark", "q", "v"):
            await stage.press(key)
            seen += unclean(stage)
        for state in ("lost", "up", "refused"):
            told = next(texts)
            await stage.tell(Link(state=state, at=NOW, detail=told, version=told))
            seen += unclean(stage)
        await stage.tell(*(Told(fact=fact) for fact in facts))
        await stage.pass_time(1)
        seen += unclean(stage)
        assert not seen

    named = [Place(f"p{at} {text}", text, text) for at, text in enumerate(TEXTS)]
    perform(script, answers, size=(140, 40), places=(HERE, *named))
