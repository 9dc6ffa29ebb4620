"""The reference page and the examples: every YAML block loads, and the page says all there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cdktr_common import cronline, schedules
from cdktr_common.catalogue.plan import Schedule
from cdktr_principal import folder
from cdktr_principal.check.files import check
from cdktr_principal.expressions import syntax
from cdktr_principal.language import (
    canonical,
    data,
    fields,
    groups,
    keys,
    listening,
    nodes,
    order,
    policies,
    running,
    source,
    timing,
)
from cdktr_principal.language.canonical import TASK_KEYS, WORKFLOW_KEYS
from cdktr_principal.language.dialects import load_text
from cdktr_principal.language.reading import Key
from cdktr_principal.state import copies

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/workflow.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_every_yaml_block_of_the_page_is_a_workflow(number: int) -> None:
    plan, faults = load_text(BLOCKS[number].encode(), "page", "docs/workflow.md")
    assert faults == []
    assert plan is not None


def test_the_page_has_every_key_in_its_tables_and_in_an_example() -> None:
    assert len(BLOCKS) >= 15
    examples = "\n".join(BLOCKS)
    for key in {*TASK_KEYS, *WORKFLOW_KEYS, *timing.KEYS, *listening.LISTENER, "size", "window"}:
        assert f"`{key}`" in PAGE, key
        if key not in ("eventTrigger", "schedule"):  # other spellings
            assert re.search(rf"\b{key}:", examples), key


HEADINGS = {
    re.sub(r"[^a-z0-9 _-]", "", title.lower()).replace(" ", "-")
    for title in re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
}


def test_the_page_has_a_section_for_each_link_of_its_tables() -> None:
    links = set(re.findall(r"\]\(#([^)]*)\)", PAGE))
    assert links <= HEADINGS
    for target in re.findall(r"\]\((\.\./[^)]*)\)", PAGE):
        assert (ROOT / "docs" / target).exists()


def test_what_faults_name_as_their_place_in_the_documentation_is_there() -> None:
    tables = [
        table
        for module in (canonical, keys, groups, policies, running, data, timing, listening)
        for table in vars(module).values()
        if isinstance(table, dict) and table and all(isinstance(k, Key) for k in table.values())
    ]
    assert len(tables) > 10
    for table in tables:
        for key, reader in table.items():
            assert (reader.see or key) in HEADINGS, key
    for path in (ROOT / "cdktr_principal/language").glob("*.py"):
        for see in re.findall(r"\{PAGE\}#([a-z_-]+)\"", path.read_text()):
            assert see in HEADINGS, (path.name, see)


@pytest.mark.parametrize(
    ("limit", "told"),
    [
        (source.MAX_BYTES, f"{source.MAX_BYTES >> 20} MiB"),
        (source.MAX_NODES, f"{source.MAX_NODES:,}"),
        (source.MAX_DEPTH, f"levels of nesting | {source.MAX_DEPTH}"),
        (canonical.MAX_TASKS, f"tasks of a workflow, items of a list | {canonical.MAX_TASKS:,}"),
        (fields.MAX_LIST, f"items of a list | {fields.MAX_LIST:,}"),
        (groups.MAX_COPIES, f"copies that a group makes | {groups.MAX_COPIES:,}"),
        (keys.MAX_VALUES, f"written out for each task | {keys.MAX_VALUES:,}"),
        (running.MAX_SCRIPT, f"`script`; `python`; `files` together | {running.MAX_SCRIPT >> 10}"),
        (data.MAX_FILES_BYTES, f"`files` together | {data.MAX_FILES_BYTES >> 10} KiB each"),
        (nodes.MAX_EXPRESSIONS, f"for each task | {nodes.MAX_EXPRESSIONS:,}"),
        (order.MAX_CONDITION, f"an expression | {order.MAX_CONDITION:,} characters"),
        (data.MAX_PARAMS, f"params; secrets; names in `outputs` | {data.MAX_PARAMS} each"),
        (data.MAX_SECRETS, f"params; secrets; names in `outputs` | {data.MAX_SECRETS} each"),
        (data.MAX_OUTPUTS, f"params; secrets; names in `outputs` | {data.MAX_OUTPUTS} each"),
        (running.MAX_STEPS, f"`pre` or `post`; files; artifacts | {running.MAX_STEPS} each"),
        (data.MAX_FILES, f"`pre` or `post`; files; artifacts | {data.MAX_FILES} each"),
        (data.MAX_GLOBS, f"`pre` or `post`; files; artifacts | {data.MAX_GLOBS} each"),
        (fields.MAX_COMMAND, f"{fields.MAX_COMMAND >> 10} KiB each"),
        (fields.MAX_ENV, f"{fields.MAX_ENV >> 10} KiB each"),
        (fields.MAX_ID, f"a label | {fields.MAX_ID} characters"),
        (fields.MAX_NAME, f"name of an event | {fields.MAX_NAME} characters"),
        (fields.MAX_DESCRIPTION, f"`description` | {fields.MAX_DESCRIPTION:,} bytes"),
        (fields.MAX_PATH, f"`workdir`, `cmd` | {fields.MAX_PATH:,} bytes"),
        (listening.MAX_EVENTS, "patterns and mappings of events; schedules | 1,000; 100; 100 |"),
        (listening.MAX_LISTENERS, f"; {listening.MAX_LISTENERS}; "),
        (schedules.MAX_SCHEDULES, f"A workflow may have {schedules.MAX_SCHEDULES} schedules"),
        (schedules.MAX_CATCHUP, f"1 to {schedules.MAX_CATCHUP:,}, else 100"),
        (listening.MAX_BATCH, f"(2 to {listening.MAX_BATCH:,}"),
        (cronline.MAX_LINE, f"a cron line | {cronline.MAX_LINE} characters"),
        (schedules.YEARS[1], f"{schedules.YEARS[0]} to {schedules.YEARS[1]}"),
        (folder.MAX_FILES, f"files in a workflow directory | {folder.MAX_FILES:,}"),
        (nodes.MAX_FAULTS, f"{nodes.MAX_FAULTS}, the rest are counted"),
    ],
)
def test_the_page_states_the_limits_that_are_enforced(limit: int, told: str) -> None:
    assert limit > 0
    assert told in PAGE


def test_limits_that_stand_twice_are_the_same() -> None:
    assert groups.MAX_COPIES == copies.MAX_COPIES
    assert order.MAX_CONDITION == syntax.MAX_SOURCE


def test_lines_that_the_page_shows_are_what_it_says_of_them() -> None:
    section = PAGE.split("\n### cron and schedule\n")[1].split("\n### ")[0]
    section = re.sub(r"```.*?```", "", section, flags=re.DOTALL).replace("\n", " ")
    shown = [code for code in re.findall(r"`([^`]+)`", section) if len(code.split()) in (5, 6)]
    shown += [code for code in re.findall(r"`(@[^`]+)`", section)]
    assert len(shown) > 9
    for code in shown:
        text = f"cron: {json.dumps(code)}\ntasks: {{a: {{command: x}}}}"
        plan, _ = load_text(text.encode(), "w", "w.yaml")
        assert (plan is None) == (code == "0 0 30 2 *"), code
    table = section.split("| in a field | what | |---|---|")[1].split("When both days")[0]
    cells = [row.strip("| ").split("|")[0] for row in table.split("| |")]
    codes = re.findall(r"`([^`]+)`", " ".join(cells))
    assert {"*", "fri#2", "L5", "?"} < set(codes)
    for code in codes:
        lines = [f"{code} * * * *", f"* * {code} * *", f"* * * {code} *", f"* * * * {code}"]
        assert any(schedules.problem(Schedule(cron=line)) is None for line in lines), code
    assert cronline.parse("0 0 * * fri-sun").weekdays == {5, 6, 0}
    assert cronline.parse("0 0 * * 0,7").weekdays == {0}


def test_the_page_names_every_variable_that_tasks_find() -> None:
    for variable in fields.SET_BY_CDKTR:
        assert f"`{variable}`" in PAGE


def test_the_output_of_cdktr_check_on_the_page_is_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from cdktr_principal.check.__main__ import main

    (shown,) = re.findall(r"^\$ cdktr-check workflows/\n(.*?)^\$ ", PAGE, re.MULTILINE | re.DOTALL)
    flows = tmp_path / "workflows"
    flows.mkdir()
    text = BLOCKS[0].replace("command: echo downloading orders", "comand: echo downloading orders")
    text = text.replace("orders, customers]", "orders, costumers]")
    (flows / "nightly.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert main(["workflows/"]) == 4
    assert capsys.readouterr().out == shown


@pytest.mark.parametrize("directory", ["examples/workflows", "examples/cities"])
def test_the_examples_have_no_faults(directory: str) -> None:
    checked = check([str(ROOT / directory)])
    assert checked.faults == []
    assert checked.good
