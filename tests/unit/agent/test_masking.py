"""Secrets struck out of streams: wherever they are cut, and nothing else."""

from __future__ import annotations

import base64
import itertools
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_agent.masking import Masker, Secrets, forms

secrets = st.lists(
    st.one_of(
        st.text(alphabet="ab/+ ü%", min_size=4, max_size=12).map(str.encode),
        st.binary(min_size=4, max_size=30).filter(lambda value: b"*" not in value),
    ),
    min_size=1,
    max_size=3,
)
noise = st.one_of(st.text(alphabet="ab/+ =%2FA", max_size=8).map(str.encode), st.binary(max_size=9))


def passed(found: Secrets, parts: list[bytes]) -> bytes:
    masker = Masker(found)
    return b"".join([*map(masker.feed, parts), masker.end()])


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(st.data(), secrets, st.lists(st.integers(0, 1000), max_size=12))
def test_a_secret_never_passes_wherever_the_stream_is_cut(
    data: st.DataObject, values: list[bytes], places: list[int]
) -> None:
    said = [form for value in values for form in sorted(forms(value))]
    parts = data.draw(st.lists(st.one_of(noise, st.sampled_from(said)), max_size=8))
    whole = b"".join(parts)
    found = Secrets(values)
    masked = passed(found, cut(whole, places))
    assert masked == passed(found, [whole])
    assert not [form for form in said if form in masked and b"*" not in form]


@given(secrets, st.binary(max_size=200), st.lists(st.integers(0, 1000), max_size=12))
def test_all_else_is_unchanged(values: list[bytes], whole: bytes, places: list[int]) -> None:
    found = Secrets(values)
    if not any(form in whole for form in found.patterns):
        assert passed(found, cut(whole, places)) == whole


@given(st.binary(min_size=6, max_size=40), st.binary(max_size=7), st.binary(max_size=7))
def test_base64_of_a_text_with_a_secret_in_it(secret: bytes, before: bytes, after: bytes) -> None:
    whole = before + secret + after
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        masked = passed(Secrets([secret]), [encode(whole)])
        assert b"***" in masked
        assert len(masked) - 3 <= len(encode(before)) + len(encode(after)) + 3


@pytest.mark.parametrize(
    "said", ["p@ss/w ö", quote("p@ss/w ö"), quote("p@ss/w ö", safe=""), quote_plus("p@ss/w ö"),
             "p%40ss%2fw%20%c3%b6"],
)  # fmt: skip
def test_the_forms_of_a_secret(said: str) -> None:
    assert Secrets(["p@ss/w ö".encode()]).struck(f"<{said}>") == "<***>"


def test_short_values_are_no_secrets() -> None:
    assert not Secrets([b"abc"])
    assert Secrets([b"abc"]).struck("abc") == "abc"


def test_the_longer_of_two_and_what_waits_for_it() -> None:
    found = Secrets([b"secret", b"secret-more"])
    assert found.struck("secret secret-more") == "*** ***"
    masker = Masker(found)
    assert masker.feed(b"a secret-") == b"a "
    assert masker.feed(b"x") == b"***-x"
    assert masker.feed(b"secret-mor") + masker.end() == b"***-mor"


def test_values_of_outputs() -> None:
    found = Secrets([b"s3cr3t", b"12345"])
    given = {"a": "x s3cr3t", "b": [12345, 1, True, None], "c": {"d": 123456.5}}
    assert found.value(given) == {"a": "x ***", "b": ["***", 1, True, None], "c": {"d": "***6.5"}}


def test_a_large_secret_and_much_text_are_no_burden() -> None:
    found = Secrets([b"k" * 20 + bytes(range(33, 127)) * 600])
    text = b"kkkk and text without it\n" * 40_000
    assert passed(found, [text[i : i + 65536] for i in range(0, len(text), 65536)]) == text
