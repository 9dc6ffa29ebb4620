"""What is folded from a page and the facts after it is what a later page says: whatever the page is
late by, however often a fact is told, and whatever is missed and asked for again."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from cdktr_common import clean
from cdktr_common.catalogue.values import AgentRow, Plan, RunRow, ScheduleRow, TaskRow, WorkflowRow
from cdktr_tui.feed.items import Gap, Told
from cdktr_tui.model.model import Model
from tests.unit.principal.test_random_workflows import plans
from tests.unit.tui.history import History, Pages, fold_pages


def told(history: History, chance: random.Random) -> Model:
    """A model that began to follow somewhere on the way and was given everything since."""
    model, first = Model(), chance.choice(history.pages)
    tasks_of = {detail.run.run for detail in history.pages[-1].details[-3:]}
    begin = max(0, first.at - chance.randint(0, 40))
    asked = [(first.at + chance.randint(0, 30), first)]
    asked += [
        (pages.at + chance.randint(0, 30), pages)
        for pages in history.pages
        if pages.at > first.at and chance.random() < 0.3
    ]
    gap = range(0)
    if chance.random() < 0.5:
        again = chance.choice([pages for pages in history.pages if pages.at >= first.at])
        gap = range(max(begin, again.at - chance.randint(0, 40)), again.at)
        asked = [(late, pages) for late, pages in asked if pages.at < gap.start or late > again.at]
        asked.append((again.at + chance.randint(0, 30), again))
    asked = in_order(asked)
    for run in tasks_of:
        model.tasks.open(run)
    for number, fact in enumerate(history.world.facts[begin:], begin):
        give(model, asked, number, tasks_of)
        if gap and number == gap.start:
            assert ("gap", "") in model.fold(Gap(topic="", missed=len(gap), healed=False))
        if number not in gap:
            model.fold(Told(fact=fact))
            if chance.random() < 0.05:
                model.fold(Told(fact=fact))
    give(model, asked, 1 << 30, tasks_of)
    return model


def in_order(asked: list[tuple[int, Pages]]) -> list[tuple[int, Pages]]:
    """What was asked first is answered first."""
    found, last = [], 0
    for late, pages in sorted(asked, key=lambda each: each[1].at):
        last = max(last, late)
        found.append((last, pages))
    return found


def give(model: Model, asked: list[tuple[int, Pages]], number: int, tasks_of: set[str]) -> None:
    while asked and asked[0][0] <= number:
        fold_pages(model, asked.pop(0)[1], tasks_of)


def ask_again(model: Model, pages: Pages) -> None:
    """As a view does it: what is stale, and only that."""
    for detail in pages.details:
        if ("run", detail.run.run) in model.stale:
            model.runs.detail(detail)
        if ("tasks", detail.run.run) in model.stale:
            model.tasks.detail(detail)
    for after, page in pages.tasks:
        if page.run in model.tasks.runs and (after or ("tasks", page.run) in model.stale):
            model.tasks.page(page, after)
    rows = {row.workflow: (page, row) for _, page in pages.workflows for row in page.workflows}
    for name, (page, row) in rows.items():
        if ("workflow", name) in model.stale:
            model.workflows.page(replace(page, workflows=[row], next=None), None)
    if ("workflows",) in model.stale:
        for name, page in pages.workflows:
            model.workflows.page(page, name)
    if ("agents",) in model.stale:
        model.agents.page(pages.agents)
    if any(key[0] == "schedules" for key in model.stale):
        model.schedules.page(pages.schedules)


def of_run(row: RunRow) -> RunRow:
    return replace(row, reason=clean.line(row.reason))


def of_task(row: TaskRow) -> TaskRow:
    attempts = [replace(each, reason=clean.line(each.reason)) for each in row.attempts]
    return replace(row, reason=clean.line(row.reason), attempts=attempts)


def of_workflow(row: WorkflowRow) -> WorkflowRow:
    return replace(row, next_ts=None, description=clean.line(row.description))


def of_agent(row: AgentRow) -> tuple[Any, ...]:
    return row.agent, row.state, clean.line(row.host), row.slots, row.labels, row.reason, row.drain


def of_schedule(row: ScheduleRow) -> tuple[str, str, float]:
    return row.workflow, row.schedule, row.until_ts or 0.0


@settings(max_examples=60, deadline=None)
@given(plans(), st.integers(0, 1 << 30))
def test_a_page_and_the_facts_after_it_are_a_later_page(plan: Plan, seed: int) -> None:
    check(plan, seed)


def check(plan: Plan, seed: int) -> None:
    history = History(plan, seed)
    now = history.pages[-1]
    model = told(history, random.Random(seed))
    ask_again(model, now)
    assert not model.stale
    runs = [of_run(row) for page in now.runs for row in page.runs]
    known = [model.runs.rows[name] for name in model.runs.order]
    assert known == [row for row in runs if row.run in model.runs.rows]
    assert model.workflows.rows == {
        row.workflow: of_workflow(row) for _, page in now.workflows for row in page.workflows
    }
    agents = {row.agent: of_agent(row) for row in now.agents.agents}
    assert {name: of_agent(row) for name, row in model.agents.rows.items()} == agents
    schedules = sorted(now.schedules.schedules, key=of_schedule)
    known = sorted([*model.schedules.rows.values(), *model.schedules.retired], key=of_schedule)
    assert [replace(row, next_ts=None) for row in known] == schedules
    for run, opened in model.tasks.runs.items():
        if not opened.whole:
            continue  # nobody was answered since it was opened
        tasks = [of_task(row) for _, page in now.tasks if page.run == run for row in page.tasks]
        assert [opened.rows[name] for name in opened.order] == tasks
