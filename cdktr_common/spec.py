"""Writes the generated half of PROTOCOL.md from the catalogue: `python -m cdktr_common.spec`.

Between its two markers stand all requests, replies, facts, published messages, values, error codes
and limits, as the classes of the catalogue declare them; the prose above is written by hand and
left alone. `--check` writes nothing and exits 1 when the file is not what would be written. It is
a tool of the checkout and is not shipped with the programs.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import inspect as types

from cdktr_common import sockets
from cdktr_common.catalogue import FACTS, PUBLISHED, REPLIES, REQUESTS, values
from cdktr_common.catalogue.base import Fact, Message, Request
from cdktr_common.codec import encode
from cdktr_common.errors import CODES

PAGE: Final = Path(__file__).with_name("PROTOCOL.md")
BEGIN: Final = "<!-- generated from the catalogue: everything up to the next marker -->"
END: Final = "<!-- end of what is generated -->"

SERVERS: Final = (
    ("any", "Requests that every daemon takes"),
    ("principal", "Requests to the principal"),
    ("logd", "Requests to logd, the recorder"),
)


def tag(kind: type) -> str:
    """The wire name of a message, or the class name of a value."""
    config = getattr(kind, "__struct_config__", None)
    return str(config.tag) if config is not None and config.tag else kind.__name__


def text(kind: type) -> str:
    """The docstring as one paragraph a blank line."""
    paragraphs = inspect.cleandoc(kind.__doc__ or "").split("\n\n")
    return "\n\n".join(" ".join(part.split()) for part in paragraphs)


def shape(kind: types.Type) -> str:
    """A type as readers of the page know it."""
    match kind:
        case types.StrType():
            return "string"
        case types.IntType():
            return "integer"
        case types.FloatType():
            return "number"
        case types.BoolType():
            return "true/false"
        case types.NoneType():
            return "null"
        case types.ListType(item_type=item):
            return f"list of {shape(item)}"
        case types.DictType(value_type=item):
            return f"object of {shape(item)}"
        case types.LiteralType(values=choices):
            return " ".join(f"`{choice}`" for choice in choices)
        case types.UnionType(types=several):
            return " or ".join(shape(one) for one in several)
        case types.StructType(cls=cls):
            return f"[{cls.__name__}](#{cls.__name__.lower()})"
        case types.RawType():
            return "a fact"
        case types.AnyType():
            return "any JSON"
    raise TypeError(f"no words for {kind}")


def default(field: types.Field) -> str:
    """What a missing key means; nothing for a key that must be there."""
    if field.required:
        return "required"
    value: Any = field.default
    if value is msgspec.NODEFAULT:
        value = field.default_factory()
    return f"`{encode(value).decode()}`"


def own_fields(kind: type) -> list[types.Field]:
    """Fields besides the reserved keys, those that must be there first."""
    info = types.type_info(kind)
    assert isinstance(info, types.StructType)
    fields = [field for field in info.fields if field.name not in ("id", "v") or kind in VALUES]
    return sorted(fields, key=lambda field: not field.required)


def table(kind: type) -> Iterator[str]:
    """The keys of a message, a row each."""
    fields = [
        field for field in own_fields(kind) if not (issubclass(kind, Fact) and in_base(field))
    ]
    if not fields:
        return
    yield "| key | type | when missing |"
    yield "|---|---|---|"
    for field in fields:
        yield f"| `{field.encode_name}` | {shape(field.type)} | {default(field)} |"
    yield ""


def in_base(field: types.Field) -> bool:
    """Is it one of the keys that all facts have?"""
    return field.name in Fact.__struct_fields__


def section(kind: type[Message] | type[Fact], extra: Iterable[str] = ()) -> Iterator[str]:
    """One message: its text, keys, what belongs to it, an example."""
    yield f"### `{tag(kind)}`"
    yield ""
    yield text(kind)
    yield ""
    yield from table(kind)
    yield from extra
    yield "```json"
    yield kind.example
    yield "```"
    yield ""


def answers(kind: type[Request]) -> Iterator[str]:
    names = ", ".join(f"[`{tag(reply)}`](#{anchor(reply)})" for reply in kind.answers)
    yield f"Answered with {names} or [`error`](#error)."
    yield ""


def anchor(kind: type) -> str:
    return tag(kind).replace(".", "")


def topic(kind: type[Fact]) -> Iterator[str]:
    fact = msgspec.json.decode(kind.example, type=kind)
    pattern = fact.topic()
    workflow = getattr(fact, "workflow", None)
    if workflow and pattern.startswith("run/"):
        pattern = "run/<workflow>/"
    yield f"On `{pattern}`."
    yield ""


VALUES: Final = tuple(
    kind
    for kind in vars(values).values()
    if isinstance(kind, type) and issubclass(kind, values.Value) and kind is not values.Value
)


def generated() -> Iterator[str]:
    """All that stands between the markers."""
    for server, title in SERVERS:
        yield from ("", f"## {title}", "")
        for request in REQUESTS:
            if request.to == server:
                yield from section(request, answers(request))
    yield from ("", "## Replies", "")
    for reply in REPLIES:
        yield from section(reply)
    yield from ("", "## Facts", "")
    yield "Every fact has `seq`, `prev` (see *Streams*) and `ts`. The other keys:"
    yield ""
    for fact in FACTS:
        yield from section(fact, topic(fact))
    yield from ("", "## Published besides facts", "")
    for message in PUBLISHED:
        yield from section(message)
    yield from ("", "## Values", "", "Objects that messages are made of.", "")
    for value in VALUES:
        yield from (f"### {value.__name__}", "", text(value), "", *table(value))
    yield from _codes()
    yield from _limits()


def _codes() -> Iterator[str]:
    yield from ("", "## Error codes", "")
    yield (
        "The table is closed. `retry`: the very same request may succeed later, unless the error"
        " says no."
    )
    yield from ("", "| code | meaning | retry | exit code of a command |", "|---|---|---|---|")
    for name, code in CODES.items():
        yield f"| `{name}` | {code.meaning} | {'yes' if code.retry else 'no'} | {code.exit} |"


def _limits() -> Iterator[str]:
    yield from ("", "## Limits of the wire", "", "| what | most |", "|---|---|")
    yield f"| frames of a request, routing frames included | {sockets.MAX_FRAMES} |"
    yield f"| bytes of a frame sent to a server | {sockets.MAX_REQUEST:,} |"
    yield f"| bytes of a frame sent by a server | {sockets.MAX_REPLY:,} |"
    yield f"| bytes of the path of an ipc socket | {sockets.IPC_PATH_MAX} |"
    yield ""


def render(page: str) -> str:
    """The page with its generated part made anew."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{PAGE}: the markers are gone")
    return head + BEGIN + "\n" + "\n".join(generated()) + "\n" + END + tail


def main(argv: list[str]) -> int:
    """Write the page, or with --check tell whether it is fresh."""
    page = PAGE.read_text()
    fresh = render(page)
    if page == fresh:
        return 0
    if "--check" in argv:
        print(f"{PAGE.name} is not what the catalogue says: make protocol", file=sys.stderr)
        return 1
    PAGE.write_text(fresh)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
