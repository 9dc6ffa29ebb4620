"""What the README tells a stranger to type, typed in a terminal, before a run that has failed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.integration.cli_stand import BIN, stand
from tests.integration.pseudo_terminal import running

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
WORDS = "no space left on device"


def test_the_failed_task_and_its_last_lines_are_found_with_the_keys_of_the_readme() -> None:
    (told,) = re.findall(r"\*\*A run has failed\?\*\* (.*?)\n\n", README, re.DOTALL)
    view, filter_, *others = re.findall(r"`([^`]+)`", told)
    with stand() as box:
        shutil.copy(ROOT / "examples" / "workflows" / "orders.yaml", box.env.workflows)
        box.env.everything(slots=4)
        start = ("cdktr-trigger", "--workflow", "orders", "--wait", "-p")
        box.out(*start, "pace=0")
        run = box.out(*start, "room=7", code=28).strip()
        box.out(*start, "pace=0")
        with running([str(BIN / "cdktr-tui")], box.env.environ, box.env.directory) as (it, program):
            it.wait(lambda text: "orders" in text)
            it.type(view)
            it.wait(lambda text: run in text and "done" in text)
            it.type(filter_ + "\r")
            it.wait(lambda text: run in text and "done" not in text)
            it.type("\r")
            shown = it.wait(lambda text: WORDS in text)
            assert re.search(r"^> .*load +failed", shown, re.MULTILINE), shown
            assert "copying part 07 of 12" in shown
            assert others[:3] == ["x", "l", "R"]
            it.type("x")
            it.wait(lambda text: "try 1 failed on a1 after" in text)
            it.type("\x1b")
            it.type("\x11")
            assert program.wait(20) == 0
