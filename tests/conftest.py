"""What every ring of tests shares: asking for a tool of the system."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable

import pytest


def need_tool(tool: str) -> str:
    """The path of a program that a test cannot do without. Missing, it skips the test; under
    CI=true it fails it, so that a green CI means that the test ran."""
    path = shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail(f"{tool} is not installed (CI=true: a missing tool is a failure)")
        pytest.skip(f"{tool} is not installed")
    return path


@pytest.fixture(name="need")
def need_fixture() -> Callable[[str], str]:
    """`need("gcc")`: see need_tool."""
    return need_tool
