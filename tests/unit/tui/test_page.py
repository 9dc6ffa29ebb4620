"""The page of the terminal view tells what is so: its commands, filters, settings and themes are
those of the program, its links lead somewhere, and its pictures ask nobody for anything."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cdktr_tui import settings, themes
from cdktr_tui.acting import commands
from cdktr_tui.keys import BY_ID
from cdktr_tui.model import filters, terms

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "tui.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
PICTURES = sorted((ROOT / "docs" / "pictures").glob("*.svg"))
LARGEST = 80_000


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize(("text", "folder"), [(PAGE, ROOT / "docs"), (README, ROOT)])
def test_its_links_lead_somewhere(text: str, folder: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert (folder / link).exists(), link


@pytest.mark.parametrize("line", re.findall(r"(?:^|[\s(])`:(\w[^`\n]*)`", PAGE))
def test_a_command_that_it_shows_is_one(line: str) -> None:
    known = commands.Names(
        workflow=["orders"],
        run=["last"],
        agent=["db-1"],
        theme=[theme.name for theme in themes.ALL],
    )
    assert isinstance(commands.read(line, known), commands.Command), line


def reads(word: str) -> bool:
    """Does any list take it?"""
    for taken in (
        lambda: filters.of_runs(word, 1e9),
        lambda: filters.of_workflows(word),
        lambda: filters.of_events(word, 1e9),
    ):
        try:
            taken()
            return True
        except terms.Fault:
            pass
    return False


def test_the_filters_that_it_shows_are_read() -> None:
    shown = re.findall(r"^\| (`.*?`) \|", section("Filters"), re.MULTILINE)
    assert len(shown) >= 9
    assert [
        word for cell in shown for word in re.findall(r"`([^`]+)`", cell) if not reads(word)
    ] == []
    assert not reads("sate:failed")
    assert re.findall(r"`/(\S+)` and enter", PAGE) == ["state:failed"]


def test_the_settings_that_it_shows_are_taken(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(theme.*?)```", PAGE, re.DOTALL)
    (tmp_path / "tui.yaml").write_text(block)
    own = settings.read(str(tmp_path))
    assert (own.theme, own.glyphs, own.fps, own.mouse) == ("cdktr-light", "braille", 10, False)
    assert own.queries and own.themes and own.keys
    assert set(re.findall(r"^  (\w+\.\w+):", block, re.MULTILINE)) <= set(BY_ID)
    assert all(f"`{theme.name}`" in PAGE for theme in themes.ALL)


def test_the_pictures_are_small_and_ask_for_nothing() -> None:
    shown = set(re.findall(r"pictures/([\w-]+\.svg)", PAGE + README))
    assert shown <= {path.name for path in PICTURES}
    for path in PICTURES:
        svg = path.read_text(encoding="utf-8")
        assert len(svg.encode()) < LARGEST, path.name
        assert not re.search(r"@font-face|<script|<image|href=|url\(http", svg), path.name
        assert not [letter for letter in svg if ord(letter) < 32 and letter not in "\n\t"]
    views = {path.stem.rpartition("-")[0] for path in PICTURES}
    assert all(len([p for p in PICTURES if p.stem.startswith(f"{view}-")]) == 2 for view in views)
