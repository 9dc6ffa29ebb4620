"""The page of the programs shows each `--help` as it is.
`python -m tests.unit.cli.test_programs_page` writes it anew."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "programs.md"
PLACE = re.compile(r"<!-- help: (.+?) -->\n(?:\n?```\n.*?\n```\n)?", re.DOTALL)


def fresh(text: str) -> str:
    """The page with the help of each place as the program prints it now."""

    def shown(place: re.Match[str]) -> str:
        program, *words = place[1].split()
        argv = [sys.executable, str(ROOT / "bin" / program), *words, "--help"]
        help_text = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        return f"<!-- help: {place[1]} -->\n```\n{help_text.rstrip()}\n```\n"

    return PLACE.sub(shown, text)


def test_the_page_shows_the_help_as_it_is() -> None:
    text = PAGE.read_text()
    assert len(PLACE.findall(text)) == 47
    assert fresh(text) == text, "python -m tests.unit.cli.test_programs_page writes it anew"


def test_every_launcher_has_its_section() -> None:
    names = {path.name for path in (ROOT / "bin").iterdir()}
    assert {f"## {name}" for name in names} <= set(PAGE.read_text().split("\n"))


if __name__ == "__main__":
    PAGE.write_text(fresh(PAGE.read_text()))
