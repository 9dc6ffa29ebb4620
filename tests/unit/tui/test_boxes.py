"""What is in boxes: it fits any size, steers no terminal, and is left without harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_common import clean
from cdktr_common.catalogue.plan import Param
from cdktr_common.catalogue.principal import RunExplained, TaskPage
from cdktr_common.catalogue.values import AttemptRow, Cause, RunRow, TaskRow
from cdktr_tui.boxes.dialogs import Choice, Inner, Menu, Reading, Typed
from cdktr_tui.boxes.form import EMPTY, Form, command, fault, text_of
from cdktr_tui.boxes.palette import Palette, Thing
from cdktr_tui.draw.explaining import failures
from cdktr_tui.draw.line import line, plain
from tests.hostile.corpus import CASES

KEYS = (
    "down", "up", "tab", "shift+tab", "left", "right", "home", "end", "backspace", "ctrl+u",
    "wheel_down", "wheel_up", "pagedown", "a", "1", "space",
)  # fmt: skip


def told(text: str) -> list[clean.Line]:
    """Lines about a failed run in which all texts are this one."""
    run = RunRow(run="r", workflow=text, state="FAILED", created_ts=0, tasks=1, reason=text)
    attempt = AttemptRow(n=1, state="FAILED", agent=text, fence=1, assigned_ts=0, reason=text)
    task = TaskRow(task=text, state="FAILED", reason=text, attempts=[attempt])
    causes = [Cause(code="x", text=text, task=text)]
    return failures(RunExplained(run=run, causes=causes), TaskPage(run="r", tasks=[task]))


def boxes(text: str) -> list[Inner]:
    """One of each kind, with this text wherever one from outside may stand."""
    param = Param(description=text, enum=[text, "b"], default=text, pattern=text)
    plain_param = Param(description=text, pattern=text, required=True)
    return [
        Form(text, {text: param, "b": plain_param}, {text: text}, text, text),
        Palette([Thing("run", text, text, line=text), Thing("theme", "b")]),
        Menu(clean.line(text), [Choice(clean.line(text), 1, "i", clean.line(text))] * 30),
        Reading("why", told(text)),
        Typed("cancel", [line(clean.line(text))] * 300, "300", "effect", "prod is protected"),
    ]


@pytest.mark.parametrize("name", CASES)
def test_no_text_from_outside_steers_the_terminal(name: str) -> None:
    for inner in boxes(CASES[name]):
        for drawn in inner.lines(60, 20):
            assert clean.is_clean(plain(drawn)), (type(inner), drawn)
        assert clean.is_clean(inner.title)


@given(st.integers(4, 120), st.integers(1, 40), st.lists(st.sampled_from(KEYS), max_size=12))
def test_every_box_can_be_drawn_at_any_size_after_any_keys(
    cells: int, rows: int, keys: list[str]
) -> None:
    for inner in boxes("abc def"):
        for key in keys:
            inner.key(key, {"space": " "}.get(key, key if len(key) == 1 else None))
        if inner.over:
            continue
        assert inner.lines(cells, rows)
        inner.hit(rows - 1, False)
        inner.paste("two\nlines")
        inner.lines(cells, rows)


def test_esc_leaves_every_box_without_a_result() -> None:
    for inner in boxes("abc"):
        inner.key("escape", "\x1b")
        assert inner.over and inner.result is None


def test_a_menu_is_answered_by_letter_by_cursor_and_by_click() -> None:
    choices = [Choice("one", 1, "o"), Choice("two", 2, "t"), Choice("three", 3)]
    for act, wanted in (
        (lambda menu: menu.key("t", "t"), 2),
        (lambda menu: [menu.key(key, None) for key in ("down", "down", "enter")], 3),
        (lambda menu: menu.hit(0, False), 1),
    ):
        menu = Menu("which", choices)
        menu.lines(40, 10)
        act(menu)
        assert menu.over and menu.result == wanted


def test_a_word_is_typed_and_not_pasted() -> None:
    typed = Typed("kill", [], "prod")
    typed.paste("prod")
    typed.key("enter", "\r")
    assert not typed.over
    for letter in "prod":
        typed.key(letter, letter)
    typed.key("enter", "\r")
    assert typed.over and typed.result is True


@pytest.mark.parametrize(
    "param, text, wrong",
    [
        (Param(), "", ""),
        (Param(required=True), "", "is needed"),
        (Param(required=True), EMPTY, ""),
        (Param(type="integer"), "4", ""),
        (Param(type="integer"), "4.5", "is no integer"),
        (Param(type="number"), "4.5", ""),
        (Param(type="boolean"), "yes", "is true or false"),
        (Param(type="list"), "[1, 2]", ""),
        (Param(type="list"), "{}", "is no list in JSON"),
        (Param(type="object"), "[" * 100_000, "is no object"),
        (Param(enum=["a", "b"]), "c", "is one of a, b"),
        (Param(enum=[1, 2]), "2", ""),
    ],
)
def test_a_field_refuses_what_cannot_be_right(param: Param, text: str, wrong: str) -> None:
    assert fault(param, text) == wrong


def test_what_is_not_given_is_left_to_the_workflow_and_two_quotes_are_the_empty_text() -> None:
    form = Form("etl", {"a": Param(default="x"), "b": Param(), "c": Param()}, {"b": "", "c": 1})
    assert form.params == {"b": "", "c": "1"}
    assert text_of("") == EMPTY and text_of({"a": [1]}) == '{"a":[1]}'


def test_the_equal_command_survives_a_shell() -> None:
    assert command("etl", {"a": "it's $HOME"}, "prod") == (
        "cdktr-trigger --principal prod --workflow etl -p 'a=it'\"'\"'s $HOME'"
    )
