"""The page about expressions: every example on it is evaluated, and it names all there is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cdktr_common.catalogue.values import Param
from cdktr_principal.expressions import evaluation, functions, names, syntax, templates
from cdktr_principal.expressions import programs as expressions
from cdktr_principal.expressions.programs import Failed, Names, TaskNames
from cdktr_principal.language.dialects import load_text
from tests.unit.expressions.values import value

PAGE = (Path(__file__).parents[3] / "docs/expressions.md").read_text(encoding="utf-8")
VALUES: dict[str, Any] = json.loads(re.findall(r"^```json\n(.*?)^```$", PAGE, re.M | re.S)[0])
NAMES = Names(
    params={
        "city": Param(required=True), "days": Param(type="integer", default=1),
        "ratio": Param(type="number", default=1.0), "dry": Param(type="boolean", default=True),
        "files": Param(type="list", default=[]), "since": Param(required=True),
    },
    tasks={
        "extract": TaskNames(["rows", "note", "more"]), "first-task": TaskNames(),
        "report": TaskNames(),
    },
    loop=("item",), upstream=("extract", "first-task"),
)  # fmt: skip


def rows(section: str, column: str) -> list[list[str]]:
    """The cells of the table with a column, in a section."""
    text = PAGE.split(f"\n## {section}\n")[1].split("\n## ")[0]
    blocks = text.strip().split("\n\n")
    table = next(block for block in blocks if f"| {column}" in block.split("\n")[0])
    lines = [line.strip("| ") for line in table.strip().split("\n")[2:]]
    return [[cell.strip() for cell in re.split(r" \| ", line)] for line in lines]


def code(cell: str) -> str:
    return cell.strip("`")


EXAMPLES = [
    *((row[0], row[1]) for row in rows("By example", "value")),
    *((row[2], row[3]) for row in rows("Functions", "value")),
]


@pytest.mark.parametrize(("source", "wanted"), EXAMPLES)
def test_examples_give_what_the_page_says(source: str, wanted: str) -> None:
    got = value(code(source), **VALUES)
    assert got == json.loads(code(wanted))
    assert type(got) is type(json.loads(code(wanted)))
    assert expressions.problems(code(source), NAMES) == []


@pytest.mark.parametrize(("source", "fault"), rows("When it is wrong", "fault"))
def test_faults_are_told_as_the_page_says(source: str, fault: str) -> None:
    found = expressions.problems(code(source), NAMES)
    assert [f"{problem.what} ({problem.hint})" for problem in found] == [fault]


@pytest.mark.parametrize(("source", "reason"), rows("When it is wrong", "reason"))
def test_reasons_are_told_as_the_page_says(source: str, reason: str) -> None:
    assert expressions.problems(code(source), NAMES) == []
    with pytest.raises(Failed) as fault:
        value(code(source), **VALUES)
    assert str(fault.value) == reason


def test_the_workflow_of_the_page_is_one() -> None:
    text = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.M | re.S)[0]
    plan, faults = load_text(text.encode(), "page", "docs/expressions.md")
    assert faults == [] and plan is not None
    assert [task.templates for task in plan.tasks] == [False, True]


def test_the_page_names_every_function_and_name() -> None:
    listed = "\n".join(row[0] for row in rows("Functions", "value"))
    for name in functions.known(float, abs):
        assert f"`{name}(" in listed, name
    table = "\n".join(row[0] for row in rows("Names", "name"))
    for name in (*names.RESULTS, "results"):
        assert f".{name}" in table, name


def test_the_page_states_the_limits() -> None:
    stated = {row[0]: row[1] for row in rows("Limits", "at most")}
    assert stated["characters of an expression"] == str(syntax.MAX_SOURCE)
    assert stated["parts inside one another"] == str(syntax.MAX_DEPTH)
    assert stated["bytes of a value, as JSON"] == str(expressions.MAX_RESULT)
    assert stated["items that a function makes"] == str(functions.MAX_ITEMS)
    assert stated["levels of a value"] == str(evaluation.MAX_LEVELS)
    written = stated["characters of a text with expressions, written out"]
    assert written == str(templates.MAX_TEXT)
