"""The page of the dialects: its examples load, and it tells of all that the loaders know."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cdktr_principal.language import conducktor, crontab, dialects, tork, tork_keys
from cdktr_principal.language.dialects import load_text

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/dialects.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(blocks("yaml"))))
def test_every_yaml_block_is_a_workflow(number: int) -> None:
    text = blocks("yaml")[number]
    plan, faults = load_text(text.encode(), "page", "docs/dialects.md")
    assert faults == []
    assert plan is not None


def test_it_tells_of_every_key() -> None:
    _, tork_part = PAGE.split("\n## Tork\n")
    before, conducktor_part = PAGE.split("\n## Conducktor\n")
    for key in (*conducktor.WORKFLOW_KEYS, *conducktor.TASK_KEYS):
        assert f"`{key}`" in conducktor_part.split("\n## Tork\n")[0], key
    for key in (*tork_keys.JOB, *tork_keys.TASK, *tork_keys.NOT_DONE, "initialDelay"):
        assert f"`{key}`" in tork_part.split("\n## Crontabs\n")[0], key
    for dialect in dialects.DIALECTS:
        assert f"`{dialect}`" in before


@pytest.mark.parametrize("see", [conducktor.SEE, tork.SEE, dialects.SEE])
def test_faults_name_headings_that_there_are(see: str) -> None:
    titles = re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
    headings = {re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-") for title in titles}
    page, _, anchor = see.partition("#")
    assert page == "docs/dialects.md"
    assert anchor in headings


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
    sections = (ROOT / "docs/workflow.md").read_text(encoding="utf-8")
    for anchor in re.findall(r"\]\(workflow\.md#([^)]*)\)", PAGE):
        titles = re.findall(r"^#+ (.*)$", sections, re.MULTILINE)
        known = {re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-") for title in titles}
        assert anchor in known, anchor


def check(*args: str, cwd: Path, stdin: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cdktr_principal.check", *args],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    return done.stdout


def test_the_crontab_becomes_the_files_that_it_shows(tmp_path: Path) -> None:
    (tab,), (files,) = blocks("crontab"), blocks("workflows")
    assert check("--from", "crontab", cwd=tmp_path, stdin=tab) == files
    assert all(nickname in crontab.NICKNAMES for nickname in ("@daily", "@weekly"))


def test_the_plan_that_it_shows_is_real(tmp_path: Path) -> None:
    (shown,) = re.findall(r"^\$ (cdktr-check --plan .*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    command, _, lines = shown.partition("\n")
    (tmp_path / "etl.yaml").write_text(blocks("yaml")[-1])
    assert check(*command.split()[1:], cwd=tmp_path) == lines
