"""Fixtures of the tests with real programs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.integration.harness import Env, environment


@pytest.fixture
def env() -> Iterator[Env]:
    """An environment without processes yet."""
    with environment() as env:
        yield env
