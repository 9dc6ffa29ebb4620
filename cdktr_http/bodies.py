"""The body of a post as a value that a run can be given. Pure."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qs

import msgspec

MOST_FIELDS: Final = 1000


class Unreadable(Exception):
    """It cannot be taken; `status` is the answer's, the text is for the sender."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


def media_type(content_type: str) -> tuple[str, str]:
    """The type without its parameters, and the charset that they name."""
    kind, *parameters = [part.strip() for part in content_type.split(";")]
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return kind.lower(), value.strip().strip('"').lower()
    return kind.lower(), "utf-8"


def decode(content_type: str, body: bytes) -> Any:
    """JSON as its value, a form as its fields, anything else as text; null for nothing. Raises
    Unreadable."""
    kind, charset = media_type(content_type)
    if not body:
        return None
    if kind == "application/json" or kind.endswith("+json"):
        return _json(body)
    if kind == "application/x-www-form-urlencoded":
        return _form(body)
    if kind.startswith("multipart/"):
        raise Unreadable(415, "unsupported", f"{kind[:60]} is not taken: send JSON, a form or text")
    try:
        return body.decode(charset)
    except LookupError:
        raise Unreadable(415, "unsupported", "the charset is not known") from None
    except (UnicodeDecodeError, ValueError):
        raise Unreadable(415, "unsupported", f"the body is not text in {charset[:40]}") from None


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        # What the decoder says names a position, never the content.
        raise Unreadable(400, "bad_message", f"the body is not JSON: {fault}") from None


def _form(body: bytes) -> Any:
    try:
        fields = parse_qs(
            body.decode("ascii"), keep_blank_values=True, strict_parsing=True, errors="strict",
            max_num_fields=MOST_FIELDS,
        )  # fmt: skip
    except UnicodeDecodeError:
        raise Unreadable(400, "bad_message", "the form is not percent-encoded UTF-8") from None
    except ValueError:
        raise Unreadable(
            400, "bad_message", f"the body is not a form of at most {MOST_FIELDS} fields"
        ) from None
    if set(fields) == {"payload"} and len(fields["payload"]) == 1:
        return _json(fields["payload"][0].encode())  # how GitHub sends JSON as a form
    return {name: values[0] if len(values) == 1 else values for name, values in fields.items()}
