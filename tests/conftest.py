"""What every ring of tests shares: asking for a tool, and writing down the traffic."""

from __future__ import annotations

import os
import shutil
import tempfile
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


def pytest_configure(config: pytest.Config) -> None:
    """Programs that the tests start write down their traffic for test_traffic.py."""
    directory = tempfile.mkdtemp(prefix="cdktr-tap-")
    os.environ["CDKTR_TAP"] = directory
    config.add_cleanup(lambda: shutil.rmtree(directory, ignore_errors=True))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The check of the traffic comes after all that make traffic."""
    items.sort(key=lambda item: item.path.name == "test_traffic.py")
