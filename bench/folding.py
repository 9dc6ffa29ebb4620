"""W11, its pure part: what the terminal view does with 10,000 rows, and with facts as they come.

No terminal and no socket: loading pages into the model, holding a filter against every row, sorting
by each column, and folding the facts of short runs beside all that. The worst of each is told.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from bench.figures import US, Figures
from cdktr_common.catalogue import facts as f
from cdktr_common.catalogue.principal import RunPage
from cdktr_common.catalogue.values import Plan, RunRow, RunState, TaskPlan
from cdktr_tui.feed.items import Told
from cdktr_tui.model import filters, orders
from cdktr_tui.model.model import Model

ROWS = 10_000
PAGE = 1_000
NOW = 1e9 + ROWS
STATES: tuple[RunState, ...] = ("COMPLETED", "FAILED", "RUNNING", "CANCELLED")
FILTERS = ("state:failed", "wf:etl-7", "no such text", "state:failed wf:etl-1* since:24h !/killed/")
PLAN = Plan(workflow="etl-1", tasks=[TaskPlan(id="a", argv=["true"])])


def folding(figures: Figures, quick: bool) -> None:
    """W11: rows and facts."""
    pages = [RunPage(runs=list(rows(first)), seq=ROWS) for first in range(0, ROWS, PAGE)]
    model = loaded(pages)
    chosen = [filters.of_runs(text, NOW) for text in FILTERS]
    for _ in range(3 if quick else 10):
        figures.add("W11 ms to load 10,000 rows", US, ms(partial(loaded, pages)))
        took = [ms(partial(fitting, model, each)) for each in chosen]
        figures.add("W11 ms to filter 10,000 rows", US, max(took))
        told = [model.runs.rows[run] for run in model.runs.order]
        took = [ms(partial(orders.of_runs, told, key, False, NOW)) for key in orders.KEYS]
        figures.add("W11 ms to sort 10,000 rows", US, max(took))
    news = list(facts(5_000 if quick else 20_000, ROWS))
    began = time.perf_counter()
    for item in news:
        model.fold(item)
    figures.add("W11 facts folded/s", US, len(news) / (time.perf_counter() - began))


def loaded(pages: list[RunPage]) -> Model:
    """A model that was told all of it."""
    model = Model()
    for page in pages:
        model.runs.page(page)
    assert len(model.runs.order) == ROWS
    return model


def fitting(model: Model, wanted: filters.Filter) -> list[str]:
    """The runs that fit, as the view of runs finds them."""
    known, on = model.runs.rows, model.runs.agents
    return [run for run in model.runs.order if wanted.fits(known[run], on.get(run, ()))]


def ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1e3


def rows(first: int) -> Iterator[RunRow]:
    """A page of them."""
    for number in range(first, first + PAGE):
        state, ts = STATES[number % 4], 1e9 + number
        yield RunRow(
            run=f"k{number:09}", workflow=f"etl-{number % 400}", state=state, created_ts=ts,
            started_ts=ts, ended_ts=None if state == "RUNNING" else ts + number % 97, tasks=6,
            done=number % 7, seq=ROWS - number, reason="killed: memory" if number % 8 == 1 else "",
        )  # fmt: skip


def facts(count: int, seq: int) -> Iterator[Told]:
    """The lives of runs of one task, one after the other."""
    for number in range(count // 4):
        run = f"n{number:09}"
        about = {"workflow": "etl-1", "run": run, "ts": NOW}
        task = {"task": "a", "n": 1, "token": f"{run}/a/1/1", "agent": "box1"}
        for fact in (
            f.RunCreated(seq=seq + 1, prev=seq, plan=PLAN, **about),  # type: ignore[arg-type]
            f.TaskAssigned(seq=seq + 2, prev=seq + 1, boot="b", **about, **task),  # type: ignore[arg-type]
            f.TaskEnded(seq=seq + 3, prev=seq + 2, state="COMPLETED", **about, **task),  # type: ignore[arg-type]
            f.RunEnded(seq=seq + 4, prev=seq + 3, state="COMPLETED", **about),  # type: ignore[arg-type]
        ):
            yield Told(fact=fact)
        seq += 4
