"""What a run may be given, one rule a test."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_common.catalogue.values import Param, Plan
from cdktr_common.codec import encode
from cdktr_common.errors import ProtocolError
from cdktr_principal.requests.limits import digest
from cdktr_principal.requests.params import check_declared, check_params, params_of_event

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


def plan(workflow: str = "w", **params: Param) -> Plan:
    return Plan(workflow=workflow, params=params)


def checked(value: Any, **about: Any) -> Any:
    return check_params(plan(x=Param(**about)), {"x": value})["x"]


def refusal(value: Any, **about: Any) -> str:
    with pytest.raises(ProtocolError) as refused:
        checked(value, **about)
    assert refused.value.code == "bad_field"
    return str(refused.value).removeprefix("param x ")


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("string", "7", "7"), ("string", "", ""), ("string", "true", "true"),
        ("integer", "7", 7), ("integer", " -7 ", -7), ("integer", 7, 7),
        ("number", "7", 7.0), ("number", "0.5", 0.5), ("number", "1e3", 1e3), ("number", 2, 2.0),
        ("boolean", "true", True), ("boolean", "False", False), ("boolean", True, True),
        ("list", "[1, 2]", [1, 2]), ("list", ["a"], ["a"]), ("object", '{"a": 1}', {"a": 1}),
        ("object", {}, {}),
    ],
)  # fmt: skip
def test_a_text_is_turned_into_what_the_type_says(kind: str, given: Any, value: Any) -> None:
    found = checked(given, type=kind)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "given", "words"),
    [
        ("string", 7, "must be text, not a number: write it in quotes"),
        ("string", "a\0b", "has a NUL in it"),
        ("integer", "seven", "must be a whole number, not 'seven'"),
        ("integer", "7.5", "must be a whole number, not '7.5'"),
        ("integer", 7.0, "must be a whole number, not a number"),
        ("integer", True, "must be a whole number, not true or false"),
        ("integer", "9223372036854775808", "must be a whole number of at most 64 bits"),
        ("number", "nan", "must be a number, not 'nan'"),
        ("number", "1e999", "is too large a number"),
        ("boolean", "yes", "must be true or false, not 'yes'"),
        ("list", '["", 99999999999999999999]', "has a whole number of more than 64 bits in it"),
        ("object", {"a": [1 << 63]}, "has a whole number of more than 64 bits in it"),
        ("list", "[1e400]", "has too large a number in it"),
        ("boolean", 1, "must be true or false, not a number"),
        ("list", "a,b", "must be a list, not 'a,b': write it as JSON, [\"a\", \"b\"]"),
        ("object", "[1]", "must be an object, not '[1]': write it as JSON, {\"a\": 1}"),
    ],
)  # fmt: skip
def test_what_is_of_another_type_is_refused_in_plain_words(
    kind: str, given: Any, words: str
) -> None:
    assert refusal(given, type=kind) == words


def test_only_what_is_in_the_enum() -> None:
    assert checked("2", type="integer", enum=[1, 2]) == 2
    assert refusal("3", type="integer", enum=[1, 2]) == "is '3', not one of '1', '2'"
    many = refusal("x", enum=[str(n) for n in range(20)])
    assert many.endswith("'8', '9' and 10 more")


def test_a_pattern_is_matched_whole() -> None:
    assert checked("a-1", pattern="[a-z]-[0-9]") == "a-1"
    for text in ("xa-1", "a-12", "a-1\n", "a" * 5000):
        assert "which does not match [a-z]-[0-9]" in refusal(text, pattern="[a-z]-[0-9]")


def test_what_is_required_has_to_be_given_and_null_is_nothing() -> None:
    about = {"x": Param(required=True, description="the day")}
    for given_ in ({}, {"x": None}):
        with pytest.raises(ProtocolError) as refused:
            check_params(plan(**about), given_)
        assert str(refused.value) == "param x (the day) is required and was not given"


def test_what_is_not_given_is_the_default() -> None:
    declared = plan(a=Param(default="b"), n=Param(type="integer"))
    assert check_params(declared, {}) == {"a": "b", "n": None}
    assert check_params(declared, {"a": None, "n": "1"}) == {"a": "b", "n": 1}


def test_an_unknown_param_is_refused_with_the_nearest() -> None:
    with pytest.raises(ProtocolError) as refused:
        check_params(plan(region=Param(), day=Param()), {"regoin": "eu"})
    assert str(refused.value) == "workflow w: unknown param 'regoin': did you mean region?"
    with pytest.raises(ProtocolError) as refused:
        check_params(plan(), {"a": "1"})
    assert str(refused.value) == "workflow w: no params are declared, and 'a' was given"


def test_all_together_have_a_limit() -> None:
    declared = plan(a=Param(), b=Param(type="list"))
    deep: list[Any] = []
    for _ in range(70):
        deep = [deep]
    for given_ in ({"a": "x" * (256 << 10)}, {"b": deep}):
        with pytest.raises(ProtocolError) as refused:
            check_params(declared, given_)
        assert refused.value.code == "too_large"


def test_each_workflow_of_an_event_gets_those_that_it_declares() -> None:
    one, other = plan("one", a=Param(), b=Param(default="b")), plan("other", a=Param())
    given_ = {"a": "1", "b": "2"}
    assert params_of_event(one, given_) == {"a": "1", "b": "2"}
    assert params_of_event(other, given_) == {"a": "1"}
    with pytest.raises(ProtocolError) as refused:
        check_declared([one, other], {"c": "1"})
    assert "unknown param 'c': known are a, b" in str(refused.value)


def test_other_params_are_another_trigger() -> None:
    assert digest("w", None) == digest("w", None, {})
    assert digest("w", None, {"a": 1}) != digest("w", None, {"a": 2}) != digest("w", None)


@given(st.sampled_from(["string", "integer", "number", "boolean", "list", "object"]), JSON)
def test_whatever_is_given_there_is_a_value_of_the_type_or_a_refusal(kind: Any, value: Any) -> None:
    types: dict[str, Any] = {
        "string": str, "integer": int, "number": (int, float), "boolean": bool, "list": list,
        "object": dict,
    }  # fmt: skip
    try:
        found = checked(value, type=kind)
    except ProtocolError as refusal:
        assert refusal.code in ("bad_field", "too_large")
    else:
        assert found is None or isinstance(found, types[kind])
        encode(found)
