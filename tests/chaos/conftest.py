"""Fixtures of the tests with faults: a cluster with networks and disks of its own.

A test marked `apart` runs in namespaces of its own: outside of them, calling it means to run pytest
for it inside, where its cluster is. Where the machine allows no namespaces it is skipped.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.cluster import HOSTS, Cluster
from tests.chaos.ground import INSIDE, Ground, isolated, isolating
from tests.chaos.ledger import Ledger, build_worker
from tests.integration.conftest import env

__all__ = ["env"]

ROOT = Path(__file__).parent.parent.parent


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "apart: runs in namespaces of its own (networks, disks)")


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a test that is to be apart inside; True when that was done."""
    if pyfuncitem.get_closest_marker("apart") is None or isolated():
        return None
    words = isolating()
    if words is None:
        pytest.skip("this machine allows no namespaces")
    argv = [*words, sys.executable, "-m", "tests.chaos.inside", "-q", pyfuncitem.nodeid]
    env = os.environ | {INSIDE: "1"}
    done = subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    if done.returncode:
        pytest.fail(done.stdout[-8000:] + done.stderr[-2000:], pytrace=False)
    return True


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """An empty ledger."""
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def worker(tmp_path: Path) -> Path:
    """The program of tasks that write the ledger."""
    return build_worker(tmp_path)


@pytest.fixture
def cluster(ledger: Ledger, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster without processes; settings by `@pytest.mark.parametrize("cluster", …)`. Outside
    of its namespaces an empty shell: the test is run inside."""
    settings = getattr(request, "param", {})
    disk_mb = settings.pop("disk_mb", 0)
    directory = Path(tempfile.mkdtemp(prefix="chaos", dir="/tmp"))
    made = Cluster(directory, Ground(HOSTS), ledger, disk_mb if isolated() else 0, **settings)
    try:
        yield made
        died = [proc for _, proc in made.procs
                if proc.popen.poll() is not None and not proc.asked_to_end]  # fmt: skip
        assert not died, [(proc.name, proc.popen.returncode, proc.errors()) for proc in died]
    finally:
        made.close()
        made.ground.release_disks()
        subprocess.run(["rm", "-rf", str(directory)], check=False)
