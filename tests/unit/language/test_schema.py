"""The JSON Schema against the loader: what loads is valid, and what is not fails in both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from cdktr_common.catalogue.values import Plan
from cdktr_principal.language import canonical, keys, listening, timing
from cdktr_principal.language.dialects import load_text
from cdktr_principal.language.nodes import Faults, List, Map, Node, Scalar
from cdktr_principal.language.schema import schema
from cdktr_principal.language.source import parse
from cdktr_principal.language.writer import write
from tests.unit.language.test_workflow_docs import BLOCKS
from tests.unit.language.test_writer import FILES, plans

SCHEMA = schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def plain(node: Node | None) -> Any:
    """What an editor sees of a file."""
    if isinstance(node, Map):
        return {key: plain(value) for key, value in node.items.items()}
    if isinstance(node, List):
        return [plain(item) for item in node.items]
    assert isinstance(node, Scalar)
    return node.value


def problems(text: bytes) -> list[str]:
    return [error.message for error in VALIDATOR.iter_errors(plain(parse(text, Faults("x"))))]


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_it_has_every_key_with_a_description() -> None:
    for name, known in (
        ("workflow", canonical.WORKFLOW_KEYS),
        ("task", keys.TASK_KEYS),
        ("schedule", timing.KEYS),
        ("listener", listening.LISTENER),
    ):
        properties = SCHEMA["$defs"][name]["properties"]
        assert set(properties) == set(known)
        assert all(len(shape["description"]) > 5 for shape in properties.values())


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_the_reference_page_is_valid(number: int) -> None:
    text = BLOCKS[number].encode()
    assert load_text(text, "w", "x").faults or problems(text) == []


@pytest.mark.parametrize("file", FILES, ids=str)
def test_the_examples_are_valid(file: Path) -> None:
    plan, _ = load_text(file.read_bytes(), "w", "x", "cdktr")
    if plan is None:  # of another dialect: as it is written in this one
        plan, _ = load_text(file.read_bytes(), "w", "x", strip_image=True)
        assert plan is not None
        assert problems(write(plan).encode()) == []
    else:
        assert problems(file.read_bytes()) == []


@settings(max_examples=40, deadline=None)
@given(plans())
def test_any_plan_that_is_written_is_valid(plan: Plan) -> None:
    assert problems(write(plan).encode()) == []


@pytest.mark.parametrize(
    "text",
    [
        "tasks: {a: {comand: x}}",
        "tasks: {a: {command: x, retries: 1}}",
        "tasks: {a: {}}",
        "tasks: {}",
        "name: x",
        "tsks: {a: {command: x}}",
        "tasks: [{name: a, command: b}]",
        "tasks: {a: {command: [x]}}",
        "tasks: {a b: {command: x}}",
        "tasks: {a: {command: x, priority: 10}}",
        "tasks: {a: {command: x, timeout: soon}}",
        "tasks: {a: {command: x, retry: {delay: 1}}}",
        "tasks: {a: {command: x, retry: {limit: 1, jitter: 2}}}",
        "tasks: {a: {config: {command: x}}}",
        "tasks: {a: {command: x, env: [A]}}",
        "tasks: {a: {command: x, env: {a-b: c}}}",
        "tasks: {a: {command: x, on_agent_lost: retry}}",
        "tasks: {a: {each: {list: [1]}}}\nplacement: near",
        "tasks: {a: {each: text, command: x}}",
        "tasks: {a: {command: x, depends: {b: {rule: never}}}}",
        "tasks: {a: {command: x, pre: [{name: y}]}}",
        "secrets: {a: value}\ntasks: {a: {command: x}}",
        "params: {a: {type: text}}\ntasks: {a: {command: x}}",
        "on_failure: {command: x, depends: a}\ntasks: {a: {command: x}}",
        "defaults: {command: x}\ntasks: {a: {command: x}}",
        "tasks: {a: {image: x, mounts: [{type: volume}]}}",
        "tasks: {a: {workflow: {cron: '1 1 1 1 1', tasks: {b: {command: x}}}}}",
        "cron: [[0 3 * * *]]\ntasks: {a: {command: x}}",
        "cron: {every: 5m, katchup: all}\ntasks: {a: {command: x}}",
        "cron: {every: 5m, catchup: some}\ntasks: {a: {command: x}}",
        "schedule: {every: 5m, catchup: all, catchup_limit: 0}\ntasks: {a: {command: x}}",
        "schedule: [{every: 5m, paused: maybe}]\ntasks: {a: {command: x}}",
        "events: {if: 'true'}\ntasks: {a: {command: x}}",
        "events: [{event: a, debounce: soon}]\ntasks: {a: {command: x}}",
        "events: [{event: a, batch: {size: 5}}]\ntasks: {a: {command: x}}",
        "dialect: tork\ntasks: {a: {command: x}}",
    ],
)
def test_what_the_loader_refuses_it_refuses(text: str) -> None:
    assert load_text(text.encode(), "w", "x", "cdktr" if "dialect" not in text else None).faults
    assert problems(text.encode())
