"""What is said of what a listener did, and of what it was not seen to do."""

from __future__ import annotations

import pytest

from cdktr_conform.listener.judge import judge
from cdktr_conform.listener.watch import Watch
from cdktr_conform.listener.world import World


@pytest.mark.parametrize(
    ("wait", "reason"), [({}, "it makes no long polls"), ({"wait_s": 1}, "none had to wait")]
)
def test_long_polls_that_were_answered_at_once_are_not_none(
    wait: dict[str, float], reason: str
) -> None:
    watch = Watch()
    watch.requests = 1
    watch.read({"type": "event.list", "after": 0, **wait}, 0.0)
    (polls,) = [line for line in judge(World(), watch) if line.clause == "A9"]
    assert (polls.verdict, polls.reason) == ("SKIP", reason)
