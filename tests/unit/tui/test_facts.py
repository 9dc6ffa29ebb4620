"""Facts in words."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cdktr_common import clean
from cdktr_common.catalogue.facts import FACTS
from cdktr_tui.draw import facts as draw
from cdktr_tui.draw.line import STYLES
from cdktr_tui.model.events import read

HOSTILE = "x\x1b]0;t\x07\x9b2J\ry"


def hostile(told: Any) -> Any:
    """The same with texts that steer a terminal, where any text may stand."""
    fields = ("reason", "event", "agent", "source", "because", "host", "file", "version")
    return {key: HOSTILE if key in fields else value for key, value in told.items()}


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.__struct_config__.tag)
def test_each_kind_of_fact_is_told_in_words_that_steer_no_terminal(kind: Any) -> None:
    for told in (msgspec.json.decode(kind.example), hostile(msgspec.json.decode(kind.example))):
        fact = read(told)
        assert type(fact) is kind and draw.about(fact)
        said, style = draw.says(fact)
        assert all(clean.is_clean(text) for text in (draw.about(fact), draw.by(fact), said))
        assert not style or style in STYLES


def test_what_only_newer_programs_know_is_left_out() -> None:
    assert read({"type": "moon.risen", "seq": 1}) is None
    assert read(msgspec.Raw(b'{"type":"run.created"}')) is None
