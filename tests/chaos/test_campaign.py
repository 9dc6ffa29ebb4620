"""The campaign itself: a short one always, a longer one among the long tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def campaign(result: Path, minutes: float, seed: int, *options: str) -> dict[str, int]:
    """Its counts; a failure tells all that it told."""
    argv = [sys.executable, "-m", "tests.chaos", "--minutes", str(minutes), "--seed", str(seed)]
    done = subprocess.run(
        [*argv, "--json", str(result), *options], cwd=ROOT, capture_output=True, text=True,
        timeout=minutes * 60 + 300,
    )  # fmt: skip
    print(done.stdout[:400])
    if done.returncode:
        pytest.fail(f"{done.stdout}\n{done.stderr[-20000:]}", pytrace=False)
    counts: dict[str, int] = json.loads(result.read_text())
    return counts


def test_a_short_campaign(tmp_path: Path) -> None:
    counts = campaign(tmp_path / "counts", 0.7, 20261122)
    assert counts["faults"] > 20
    assert counts["triggers acknowledged"] > 40
    assert counts["executions"] > 80


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_a_longer_campaign(tmp_path: Path, seed: int) -> None:
    counts = campaign(tmp_path / "counts", 4, seed)
    assert counts["faults"] > 150


@pytest.mark.long
def test_a_campaign_without_namespaces(tmp_path: Path) -> None:
    assert campaign(tmp_path / "counts", 1, 3, "--shared")["faults"] > 20
