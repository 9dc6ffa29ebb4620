"""Texts with expressions: cut, checked and rendered."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_common.catalogue.values import Param
from cdktr_principal.expressions import templates
from cdktr_principal.expressions.programs import Failed, Invalid, Names
from tests.unit.expressions.values import Values

SCOPE = Values(
    params={"n": 3, "s": "a{{ params.n }}b", "l": [1, "x"], "none": None, "f": 2.0, "b": True},
)

TEXTS = st.lists(
    st.sampled_from(["{{", "}}", "{", "}", "'", '"', "\\", "{{ params.n }}", " a ", "\n", "é"])
    | st.text(max_size=5),
    max_size=12,
).map("".join)


@given(st.text().filter(lambda text: "{{" not in text))
def test_a_text_without_braces_means_itself(text: str) -> None:
    assert templates.text(text, SCOPE) == text
    assert templates.value(text, SCOPE) == text
    assert templates.sealed(text, SCOPE, {}) == text
    assert templates.problems(text, Names()) == []
    assert "".join(piece.text for piece in templates.pieces(text)) == text


@given(TEXTS)
def test_pieces_put_together_give_the_text(text: str) -> None:
    try:
        found = templates.pieces(text)
    except Invalid as fault:
        assert text.startswith("{{", fault.offset)
        return
    made = [f"{{{{{p.text}}}}}" if p.is_expression else p.text for p in found]
    assert "".join(made) == text
    for piece in found:
        assert text[piece.offset :].startswith(piece.text)
        assert piece.text or piece.is_expression


@given(TEXTS)
def test_rendering_gives_a_text_or_fails(text: str) -> None:
    try:
        templates.text(text, SCOPE)
    except Failed as fault:
        assert templates.problems(text, Names(params={"n": Param()})) != [], fault


def test_braces_in_texts_and_objects_close_nothing() -> None:
    found = templates.pieces("a{{ {'x': {'y': '}}'}}.x }}b{{'{{'}}")
    assert [piece.text for piece in found] == ["a", " {'x': {'y': '}}'}}.x ", "b", "'{{'"]
    assert templates.text("a{{ {'x': {'y': '}}'}}.x.y }}b{{'{{'}}", SCOPE) == "a}}b{{"


@pytest.mark.parametrize("text", ["{{", "a {{ b", "{{ 'a }}", "{{ {'a': 1 }}", "{{ }} {{ x }"])
def test_unclosed_braces_have_a_place(text: str) -> None:
    if text == "{{ 'a }}":  # a text that is not closed reaches no further than its line
        assert templates.problems(text, Names())[0].what == "a text is not closed"
        return
    with pytest.raises(Invalid) as fault:
        templates.pieces(text)
    assert fault.value.offset == text.rindex("{{")
    with pytest.raises(Failed, match="not closed"):
        templates.text(text, SCOPE)


def test_an_expression_without_end_is_given_up_soon() -> None:
    with pytest.raises(Invalid, match="2000 characters"):
        templates.pieces("{{" + "'" * 60_001)


def test_values_are_written_once_and_keep_their_type_alone() -> None:
    assert templates.text("<{{ params.s }}>", SCOPE) == "<a{{ params.n }}b>"
    assert templates.text("{{params.l}}{{params.none}}{{params.f}}{{params.b}}", SCOPE) == (
        '[1,"x"]2true'
    )
    given = {"a": "{{ params.l }}", "b": ["{{ params.n }}", "n={{ params.n }}", 7, None]}
    assert templates.value(given, SCOPE) == {"a": [1, "x"], "b": [3, "n=3", 7, None]}


def test_failures_name_the_key() -> None:
    with pytest.raises(Failed) as fault:
        templates.value({"a": [0, {"b": "x{{ params.q }}"}]}, SCOPE)
    assert str(fault.value) == "a: [1]: b: params has no 'q'"


def test_secrets_stay_references() -> None:
    known = {"key": "env:KEY", "a-b": "file:/x"}
    sealed = templates.sealed
    assert sealed("{{ secrets.key }}", SCOPE, known) == ["", "env:KEY", ""]
    assert sealed("u:{{secrets['a-b']}}@{{ params.n }}/{{secrets.key}}!", SCOPE, known) == [
        "u:", "file:/x", "@3/", "env:KEY", "!",
    ]  # fmt: skip
    assert sealed("n={{ params.n }}", SCOPE, known) == "n=3"
    with pytest.raises(Failed, match="no secret 'other'"):
        sealed("{{ secrets.other }}", SCOPE, known)
    with pytest.raises(Failed, match="alone"):
        sealed("{{ upper(secrets.key) }}", SCOPE, known)
    with pytest.raises(Failed, match="alone"):
        templates.text("{{ secrets.key }}", SCOPE)


def test_problems_have_the_place_in_the_text() -> None:
    text = "é {{ params.m }} {{ 1 + }}{{ params.n }}"
    found = templates.problems(text, Names(params={"n": Param()}))
    assert [(text[problem.offset :][:3], problem.what) for problem in found] == [
        ("m }", "there is no param 'm'"), ("}}{", "the expression ends too early"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "wanted"),
    [("params.b", True), ("params.n > 5", False), ("'true'", True), ("'false'", False)],
)
def test_conditions(source: str, wanted: bool) -> None:
    assert templates.condition(source, SCOPE) is wanted


@pytest.mark.parametrize("source", ["params.n", "'yes'", "null", "[]", "params.q", "1 +"])
def test_what_is_no_condition_fails(source: str) -> None:
    with pytest.raises(Failed):
        templates.condition(source, SCOPE)


def test_a_text_has_a_limit() -> None:
    scope: Any = Values(params={"t": "x" * 250_000})
    with pytest.raises(Failed, match="at most 1048576"):
        templates.text("{{ params.t }}" * 5, scope)
