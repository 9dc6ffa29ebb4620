"""Pictures of the main views, for README.md and docs/tui.md: `python -m tests.tui.pictures`.

Real programs run the examples, and the view is looked at while they do; nothing is painted by hand.
Ids and times differ from one making to the next, all else is as it was.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from cdktr_common.catalogue import principal as p
from tests.integration.harness import Env, environment, wait_until

if TYPE_CHECKING:
    from cdktr_tui.app import CdktrApp

ROOT: Final = Path(__file__).parents[2]
PICTURES: Final = ROOT / "docs" / "pictures"
SIZES: Final = ((80, 24), (140, 40))
SLOWEST_S: Final = 20.0


class Shot(NamedTuple):
    """A picture: the command it begins with, keys that follow, and texts without which it is not
    there yet."""

    name: str
    command: str
    keys: tuple[str, ...]
    until: tuple[str, ...]


SHOTS: Final = (
    Shot("run", "open {going}", (), ("copying part 05",)),
    Shot("workflows", "workflows", ("G", "k"), ("validate", "p50", "agents 4")),
    Shot("grid", "workflows", ("G", "k", "v"), ("validate",)),
    Shot("runs", "runs", (), ("failed",)),
    Shot("agents", "agents", (), ("gpu-1",)),
    Shot("schedule", "schedule", ("v",), ("nightly",)),
    Shot("events", "events", (), ("task.assigned",)),
    Shot("query", "query {sql}", (), ("rows in",)),
)
"""The first one while its run goes on; the others show what has been and what goes on for long."""

FLOWS: Final = (
    "branches", "called", "calls", "diamond", "each", "failing", "fan-in", "hello", "matrix",
    "nightly", "on-event", "orders", "parallel",
)  # fmt: skip
SQL: Final = "select workflow, state, count(*) from runs group by all order by 3 desc"


def main(names: list[str]) -> int:
    """Make them, or those that are named."""
    for name, value in (("TEXTUAL_ANIMATIONS", "none"), ("TEXTUAL_SMOOTH_SCROLL", "0")):
        os.environ[name] = value
    os.environ["COLORTERM"] = "truecolor"
    PICTURES.mkdir(exist_ok=True)
    with environment() as env:
        going = scene(env)
        for shot in SHOTS:
            if names and shot.name not in names:
                continue
            for size in SIZES:
                path = PICTURES / f"{shot.name}-{size[0]}x{size[1]}.svg"
                path.write_text(asyncio.run(take(env, shot, size, going)), encoding="utf-8")
                print(f"{path.stat().st_size / 1e3:6.1f} kB  {path.relative_to(ROOT)}", flush=True)
        for run in running(env):
            env.client().ask(p.RunCancel(run=run, reason="enough seen", now=True), p.RunStatus)
    return 0


def scene(env: Env) -> str:
    """Four agents, a history, and runs that go on; the id of the one to look at."""
    for name in FLOWS:
        shutil.copy(ROOT / "examples" / "workflows" / f"{name}.yaml", env.workflows)
    env.principal()
    env.logd()
    env.cron()
    for name, slots, labels in (
        ("web-1", 4, ["--label", "web"]), ("web-2", 4, ["--label", "web"]),
        ("db-1", 2, ["--label", "db", "--label", "ssd"]), ("gpu-1", 1, ["--label", "gpu"]),
    ):  # fmt: skip
        env.agent(name, "--workdir", str(ROOT), *labels, slots=slots)
    for number in range(14):
        run = start(env, "orders", room=7 if number in (3, 12) else 12)
        if number % 2:
            for other in ("diamond", "fan-in", "each", "branches", "hello", "on-event"):
                env.wait(start(env, other))
        if number in (4, 9):
            for other in ("failing", "matrix", "calls", "nightly"):
                env.wait(start(env, other, **({"region": "eu"} if other == "nightly" else {})))
        env.wait(run)
    env.client().ask(p.AgentDrain(agent="gpu-1", reason="a new driver"), p.AgentStatus)
    env.client().ask(p.WorkflowPause(workflow="on-event", reason="not today"), p.WorkflowPage)
    going = start(env, "orders", pace=1.0)
    for pace in (60.0, 20.0, 1.5):
        start(env, "orders", pace=pace)
    wait_until(lambda: env.tasks(going)["load"].state == "RUNNING", 60)
    return going


def start(env: Env, workflow: str, **params: object) -> str:
    """A run of it."""
    asked = p.RunStart(workflow=workflow, params=params)
    return env.client().ask(asked, p.RunStarted).runs[0].run


def running(env: Env) -> list[str]:
    """Runs that go on."""
    page = env.client().ask(p.RunList(states=["PENDING", "RUNNING"]), p.RunPage)
    return [row.run for row in page.runs]


async def take(env: Env, shot: Shot, size: tuple[int, int], going: str) -> str:
    """One picture, when all that it is to show is there."""
    from cdktr_tui.app import CdktrApp
    from cdktr_tui.feed.feed import Feed
    from cdktr_tui.options import Options
    from cdktr_tui.session import FeedLike, Place
    from cdktr_tui.terminal.program import screen_text

    place = Place("prod", f"ipc://{env.home}/run/principal.sock", "red", True)

    def feed_of(at: Place, wake: Callable[[], None]) -> FeedLike:
        return Feed(at.endpoint, wake)

    command = shot.command.format(going=going, sql=SQL)
    app = CdktrApp([place], Options(theme="cdktr-dark", view=command), feed_of)
    async with app.run_test(size=size) as pilot:

        async def until(check: Callable[[], bool]) -> None:
            end = time.monotonic() + SLOWEST_S
            while not check():
                assert time.monotonic() < end, f"{shot}:\n{screen_text(app)}"
                await asyncio.sleep(0.05)

        await until(app.settled)
        await pilot.press(*shot.keys)
        await until(lambda: app.settled() and all(text in screen_text(app) for text in shot.until))
        if os.environ.get("SHOW"):
            print(screen_text(app), flush=True)
        return picture(app)


_FONTS: Final = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_CLIPS: Final = re.compile(
    r'<clipPath id="[^"]*-line-\d+">.*?</clipPath>\s*| clip-path="url\([^"]*-line-\d+\)"', re.DOTALL
)
_STACK: Final = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"


def picture(app: CdktrApp) -> str:
    """The screen as SVG, in half the bytes, that asks nobody for a font."""
    svg = _FONTS.sub("", app.export_screenshot(title="cdktr-tui", simplify=True))
    svg = re.sub(r"font-family: Fira Code[^;]*;", f"font-family: {_STACK};", svg)
    svg = re.sub(r"terminal-\d+", "t", _CLIPS.sub("", svg))
    return svg.replace("&#160;", "\u00a0")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
