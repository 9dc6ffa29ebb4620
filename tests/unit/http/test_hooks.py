"""Settings of hooks, bodies and rates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cdktr_http.bodies import Unreadable, decode
from cdktr_http.hooks import HookFault, Hooks, address, is_local, read
from cdktr_http.rates import Rate

ENVIRON = {"S": "s1", "EMPTY": ""}
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


def hooks(tmp_path: Path, text: str) -> Hooks:
    (tmp_path / "hooks.yaml").write_text(text)
    return read(tmp_path / "hooks.yaml", ENVIRON)


def test_hooks_are_read_with_their_secrets(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"two\n")
    found = hooks(
        tmp_path,
        "listen: '[::1]:80'\nhooks:\n"
        "  push: {secret: [env:S, file:key], headers: [X-GitHub-Event], rate: 5, per_s: 60}\n"
        "  pay/ed: {style: stripe, secret: env:S, tolerance: 2m, max_body: 1000, once: body}\n"
        "  free: {open: true}\n",
    )
    assert found.listen == "[::1]:80" and address(found.listen) == ("::1", 80)
    assert found.open_ones == ["free"]
    push, pay = found.hooks["push"], found.hooks["pay/ed"]
    assert (push.secrets, push.headers) == ((b"s1", b"two"), ("x-github-event",))
    assert (push.style, push.rate, push.per_s, push.max_body) == ("github", 5, 60.0, 256 << 10)
    assert (pay.style, pay.tolerance_s, pay.max_body, pay.once) == ("stripe", 120.0, 1000, "body")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "`hooks:` with"),
        ("hooks: {}", "1 to 1000"),
        ("hooks: {a: {open: true}}\nhook: 1", "unknown key 'hook'; did you mean hooks?"),
        ("hooks: {a: {open: true}}\nlisten: 5580", "is not HOST:PORT"),
        ("hooks: {a: }", "hook a: has no secret"),
        ("hooks: {a: {secrt: env:S}}", "unknown key 'secrt'; did you mean secret?"),
        ("hooks: {a: {secret: hunter2}}", "by where it is"),
        ("hooks: {a: {secret: env:EMPTY}}", "not set or empty"),
        ("hooks: {a: {secret: env:NONE}}", "not set or empty"),
        ("hooks: {a: {secret: file:none}}", "No such file"),
        ("hooks: {a: {secret: [1]}}", "a text or a list"),
        ("hooks: {a: {secret: env:S, open: true}}", "either a secret"),
        ("hooks: {a: {open: 'yes'}}", "true or false"),
        ("hooks: {run.failed: {open: true}}", "names beginning"),
        ("hooks: {a: {secret: env:S, style: gitlab}}", "github or stripe"),
        ("hooks: {a: {secret: env:S, tolerance: 2x}}", "tolerance"),
        ("hooks: {a: {secret: env:S, max_body: 1e9}}", "max_body"),
        ("hooks: {a: {secret: env:S, rate: 0}}", "rate is a whole number"),
        ("hooks: {a: {secret: env:S, per_s: fast}}", "per_s"),
        ("hooks: {a: {secret: env:S, headers: [Authorization]}}", "a proof"),
        ("hooks: {a: {secret: env:S, headers: ['a b']}}", "no name of a header"),
        ("hooks: [", "flow node"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(HookFault) as fault:
        hooks(tmp_path, text)
    assert said in str(fault.value)
    assert str(tmp_path) in str(fault.value) or "HOST:PORT" in said
    assert "hunter2" not in str(fault.value)


def test_who_is_on_this_machine() -> None:
    assert all(is_local(host) for host in ("127.0.0.1", "127.1.2.3", "localhost", "::1"))
    assert not any(is_local(host) for host in ("0.0.0.0", "::", "10.0.0.1", "example.org"))


@pytest.mark.parametrize(
    ("kind", "body", "value"),
    [
        (JSON, b'{"a": [1, null]}', {"a": [1, None]}),
        ("application/cloudevents+json; charset=utf-8", b"3", 3),
        (JSON, b"12345678901234567890123", 12345678901234567890123),
        (FORM, b"a=1&b=x%20y&b=&c=", {"a": "1", "b": ["x y", ""], "c": ""}),
        (FORM, b"payload=%7B%22a%22%3A1%7D", {"a": 1}),
        ("text/plain", "é".encode(), "é"),
        ("text/plain; charset=latin-1", b"\xe9", "é"),
        ("", b"anything", "anything"),
        (JSON, b"", None),
    ],
)
def test_bodies(kind: str, body: bytes, value: Any) -> None:
    assert decode(kind, body) == value


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        (JSON, b"{", 400),
        (JSON, b"\xff", 400),
        (JSON, b"[" * 100_000, 400),
        (JSON, b"NaN", 400),
        (FORM, b"a", 400),
        (FORM, b"a=%ff", 400),
        (FORM, "a=é".encode(), 400),
        (FORM, b"&".join([b"a=1"] * 1001), 400),
        ("multipart/form-data; boundary=x", b"--x", 415),
        ("application/octet-stream", b"\xff\x00", 415),
        ("text/plain; charset=klingon", b"x", 415),
        ("text/plain; charset=base64", b"x", 415),
    ],
)
def test_bodies_that_cannot_be_read(kind: str, body: bytes, status: int) -> None:
    with pytest.raises(Unreadable) as fault:
        decode(kind, body)
    assert fault.value.status == status


def test_a_rate_lets_so_many_through_in_any_span() -> None:
    rate = Rate(5, 10.0)
    assert [rate.take(100.0) for _ in range(5)] == [0.0] * 5
    assert rate.take(100.0) == pytest.approx(2.0)
    assert rate.take(102.0) == 0.0
    assert rate.take(102.0) > 0
    assert [rate.take(1000.0) for _ in range(5)] == [0.0] * 5
    assert rate.take(1000.0) > 0
