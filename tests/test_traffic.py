"""Run last: all traffic of the integration tests fits the catalogue, and no entry of the catalogue
went unused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.traffic import Traffic


@pytest.fixture(scope="module")
def traffic() -> Traffic:
    return Traffic(Path(os.environ["CDKTR_TAP"]))


def test_every_message_fits_the_catalogue(traffic: Traffic) -> None:
    assert not traffic.faults[:20], f"{len(traffic.faults)} of {traffic.count} messages"


def test_every_entry_of_the_catalogue_was_seen(
    traffic: Traffic, request: pytest.FixtureRequest
) -> None:
    integration = Path(__file__).parent / "integration"
    ran = {item.path for item in request.session.items}
    if set(integration.glob("test_*.py")) - ran or request.session.testsfailed:
        pytest.skip("only after all integration tests, and only when they passed")
    assert not traffic.never_seen()


def test_agents_say_when_they_asked(traffic: Traffic) -> None:
    if "agent.hello" not in traffic.seen:
        pytest.skip("no agent was at work")
    assert traffic.dated == {"agent.hello", "task.fetch"} & traffic.seen
