"""Is a post what somebody who knows the secret has sent, is it fresh, and is it a known one?

The signature is HMAC-SHA256 over the body as it came, byte for byte, and compared in constant time
with every secret there is (two while one is being replaced). Pure.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final

from cdktr_http.hooks import Hook

_GITHUB: Final = re.compile(r"sha256=([0-9a-fA-F]{64})")
_PLAIN: Final = re.compile(r"[\x21-\x7e]{1,60}")
MOST_SIGNATURES: Final = 10
"""In one header; a sender has as many as it has secrets."""


class Denied(Exception):
    """The post does not prove what it has to; the text is for the sender."""


def check(hook: Hook, headers: Mapping[str, str], body: bytes, now: float) -> None:
    """Raises Denied. Names of headers in small letters."""
    if hook.open:
        return
    if hook.style == "stripe":
        _stripe(hook, headers.get("stripe-signature", ""), body, now)
    else:
        _github(hook, headers.get("x-hub-signature-256", ""), body)


def _github(hook: Hook, header: str, body: bytes) -> None:
    if not header:
        raise Denied("there is no X-Hub-Signature-256")
    parts = _GITHUB.fullmatch(header.strip())
    if parts is None:
        raise Denied("X-Hub-Signature-256 is not sha256= and 64 hexadecimal digits")
    if not _fits(hook, body, [bytes.fromhex(parts[1])]):
        raise Denied("the signature does not fit")


def _stripe(hook: Hook, header: str, body: bytes, now: float) -> None:
    if not header:
        raise Denied("there is no Stripe-Signature")
    parts = [part.strip().partition("=") for part in header.split(",")]
    times = [value for name, _, value in parts if name == "t"]
    signatures = [value for name, _, value in parts if name == "v1"][:MOST_SIGNATURES]
    if len(times) != 1 or not re.fullmatch(r"[0-9]{1,12}", times[0]):
        raise Denied("Stripe-Signature has no time t=")
    wanted = [bytes.fromhex(one) for one in signatures if re.fullmatch(r"[0-9a-fA-F]{64}", one)]
    if not wanted:
        raise Denied("Stripe-Signature has no signature v1=")
    if not _fits(hook, times[0].encode() + b"." + body, wanted):
        raise Denied("the signature does not fit")
    if abs(now - int(times[0])) > hook.tolerance_s:
        raise Denied(f"signed more than {hook.tolerance_s:g} s from now")


def _fits(hook: Hook, signed: bytes, given: list[bytes]) -> bool:
    fits = False
    for secret in hook.secrets:
        right = hmac.digest(secret, signed, "sha256")
        for one in given:  # all of them: the time taken says nothing
            fits |= hmac.compare_digest(right, one)
    return fits


def delivery(hook: Hook, headers: Mapping[str, str], body: bytes, value: Any) -> str | None:
    """What makes this post the same as another: the name its sender gave it, or else its content.
    None: nothing, each is one of its own. `value` is the body, decoded."""
    if hook.once == "delivery":
        if hook.open:
            named = headers.get("idempotency-key", "")
        elif hook.style == "stripe":
            said = value.get("id") if isinstance(value, dict) else None
            named = said if isinstance(said, str) else ""
        else:
            named = headers.get("x-github-delivery", "")
        if _PLAIN.fullmatch(named):
            return named
        if named:
            return hashlib.sha256(named.encode()).hexdigest()[:40]
        if hook.open:
            return None
    return "body-" + hashlib.sha256(body).hexdigest()[:40]


def key(event: str, delivered: str) -> str:
    """The key under which the principal knows it; at most 200 characters."""
    if len(event) > 100:
        event = event[:60] + hashlib.sha256(event.encode()).hexdigest()[:40]
    return f"http/{event}/{delivered}"
