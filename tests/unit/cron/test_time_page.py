"""The page on time shows what its commands print.
`python -m tests.unit.cron.test_time_page` writes their output anew."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "time.md"
BOX = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def printed(command: str, directory: Path) -> str:
    """What a command of the page prints, on both streams."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("CDKTR_")}
    environ |= {
        "PATH": f"{ROOT / 'bin'}:{environ['PATH']}",
        "CDKTR_PYTHON": sys.executable,
        "CDKTR_HOME": str(directory),
    }
    done = subprocess.run(
        ["bash", "-c", f"exec 2>&1; {command}"], env=environ, capture_output=True, cwd=directory
    )
    return done.stdout.decode()


def fresh(text: str, directory: Path) -> str:
    """The page with what its commands print now."""

    def shown(box: re.Match[str]) -> str:
        commands = [line[2:] for line in box[1].splitlines() if line.startswith("$ ")]
        told = "".join(f"$ {command}\n{printed(command, directory)}" for command in commands)
        return f"```console\n{told}```"

    return BOX.sub(shown, text)


def test_the_page_shows_what_is_printed(tmp_path: Path) -> None:
    text = PAGE.read_text()
    assert len(BOX.findall(text)) == 16
    assert fresh(text, tmp_path) == text, "python -m tests.unit.cron.test_time_page"


if __name__ == "__main__":
    PAGE.write_text(fresh(PAGE.read_text(), Path(sys.argv[1] if sys.argv[1:] else "/tmp")))
