"""A report names clauses that the page has, and what the page has marked is looked at."""

from __future__ import annotations

import inspect
import re

from cdktr_conform.listener import judge
from cdktr_conform.listener.scenes import SCENES
from cdktr_conform.page import clauses
from cdktr_conform.server.run import CHECKS

UNSEEN = {
    "E1": "said once: every check of a refusal is one of it",
}
"""Marked, and looked at by no line of its own."""


def named() -> set[str]:
    lines = re.findall(r'Line\("(\w+)"', inspect.getsource(judge))
    return {*(check.clause for check in CHECKS), *(scene.clause for scene in SCENES), *lines}


def test_every_line_of_a_report_can_be_looked_up() -> None:
    assert named() <= clauses().keys()


def test_every_mark_is_looked_at() -> None:
    marks = {name for name in clauses() if re.fullmatch(r"[A-Z]\d", name)}
    assert marks - named() - UNSEEN.keys() == set()


def test_a_clause_is_what_stands_before_its_mark() -> None:
    assert clauses()["A4"] == "A key has 1 to 200 characters."
    assert clauses()["F1"].startswith("A request is a ZeroMQ message whose")
    assert clauses()["event.list"].startswith("Facts after `after`, at most `limit`")
