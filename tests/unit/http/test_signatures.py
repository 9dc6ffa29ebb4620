"""Proofs of posts: those of the documents of their inventors, and all ways to be wrong."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_http.hooks import Hook
from cdktr_http.signatures import Denied, check, delivery, key

SECRET = b"It's a Secret to Everybody"
GITHUB = Hook(event="push", secrets=(SECRET,))
STRIPE = Hook(event="pay", style="stripe", secrets=(b"new", b"old"), tolerance_s=300)
NOW = 1_700_000_000


def stripe(body: bytes, secret: bytes = b"new", at: int = NOW, extra: str = "") -> dict[str, str]:
    digest = hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return {"stripe-signature": f"t={at},{extra}v1={digest},v0=abc"}


def denied(hook: Hook, headers: dict[str, str], body: bytes) -> str:
    with pytest.raises(Denied) as told:
        check(hook, headers, body, NOW)
    return str(told.value)


def test_the_example_of_githubs_documents() -> None:
    right = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    check(GITHUB, {"x-hub-signature-256": right}, b"Hello, World!", NOW)
    check(GITHUB, {"x-hub-signature-256": right.upper().replace("SHA", "sha")}, b"Hello, World!", 0)
    assert "does not fit" in denied(GITHUB, {"x-hub-signature-256": right}, b"Hello, World?")


@pytest.mark.parametrize(
    "header", ["", "sha256=", "sha1=" + "a" * 40, "sha256=" + "g" * 64, "a" * 64, "sha256=é"]
)
def test_no_signature_of_github(header: str) -> None:
    assert "X-Hub-Signature-256" in denied(GITHUB, {"x-hub-signature-256": header}, b"x")


def test_stripes_time_and_both_secrets() -> None:
    for secret in (b"new", b"old"):
        check(STRIPE, stripe(b"{}", secret), b"{}", NOW)
    check(STRIPE, stripe(b"{}", extra="v1=" + "0" * 64 + ","), b"{}", NOW)
    assert "fit" in denied(STRIPE, stripe(b"{}", b"other"), b"{}")
    for at in (NOW - 301, NOW + 301):
        assert "300 s from now" in denied(STRIPE, stripe(b"{}", at=at), b"{}")
    moved = stripe(b"{}")["stripe-signature"].replace(f"t={NOW}", f"t={NOW + 1}")
    assert "fit" in denied(STRIPE, {"stripe-signature": moved}, b"{}")


@pytest.mark.parametrize(
    "header", ["", "t=1", "v1=" + "0" * 64, "t=1,t=2,v1=" + "0" * 64, "t=-1,v1=0", "t=٣,v1=", ",,="]
)
def test_no_signature_of_stripe(header: str) -> None:
    assert "Stripe-Signature" in denied(STRIPE, {"stripe-signature": header}, b"{}")


@given(st.binary(max_size=50), st.binary(max_size=50), st.text(max_size=100))
def test_nothing_but_the_signature_is_the_signature(body: bytes, other: bytes, text: str) -> None:
    for hook, header in ((GITHUB, "x-hub-signature-256"), (STRIPE, "stripe-signature")):
        with pytest.raises(Denied):
            check(hook, {header: text}, body, NOW)
    if body != other:
        with pytest.raises(Denied):
            check(STRIPE, stripe(body), other, NOW)


def test_an_open_hook_asks_nothing() -> None:
    check(Hook(event="x", open=True), {}, b"", NOW)


def test_what_makes_two_posts_the_same() -> None:
    named = {"x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958"}
    assert delivery(GITHUB, named, b"a", None) == named["x-github-delivery"]
    assert delivery(GITHUB, {}, b"a", None) != delivery(GITHUB, {}, b"b", None)
    by_body = Hook(event="push", secrets=(SECRET,), once="body")
    assert delivery(by_body, named, b"a", None) == delivery(by_body, {}, b"a", None)
    assert delivery(STRIPE, {}, b"", {"id": "evt_1"}) == "evt_1"
    for value in (None, [], {"id": 7}, {"id": ""}):
        assert (delivery(STRIPE, {}, b"x", value) or "").startswith("body-")
    free = Hook(event="x", open=True)
    assert delivery(free, {}, b"a", None) is None
    assert delivery(free, {"idempotency-key": "k 1\n" * 90}, b"a", None) is not None
    for name in ("evt\n1", "x" * 300, "é"):
        assert (delivery(GITHUB, {"x-github-delivery": name}, b"", None) or "").isalnum()
    assert len(key("e" * 200, "x" * 60)) <= 200
    assert key("e" * 200, "x") != key("e" * 199 + "f", "x")
