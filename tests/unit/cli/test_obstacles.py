"""What somebody who waits is told, and that it is told once."""

from __future__ import annotations

from typing import get_args

from cdktr_cli.obstacles import TELL, Obstacles
from cdktr_common.catalogue.values import CauseCode


def test_only_what_nobody_would_know_is_told_and_each_once() -> None:
    said = Obstacles()
    waits = {"code": "waits_for", "task": "b", "text": "waits for a"}
    label = {"code": "no_label", "task": "a", "text": "waits for an agent with gpu"}
    silent = {"code": "silent", "task": "a", "text": "runs on box1, which"}
    assert said.new([waits]) is None
    assert said.new([waits, label]) == "a waits for an agent with gpu"
    assert said.new([label, waits]) is None
    assert said.new([label, silent]) == "a runs on box1, which"
    assert said.new([{**label, "task": "c"}]) == "c waits for an agent with gpu"


def test_the_codes_are_those_there_are() -> None:
    assert set(get_args(CauseCode)) >= TELL
