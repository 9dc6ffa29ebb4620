"""Words of a filter as they are typed: texts, `key:value`, `/expressions/`, each with its place.

What a key means is not known here, only which keys there are. What is still being typed is read as
far as it goes. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches
from typing import Final, NamedTuple

_KEY: Final = re.compile(r"[a-z]+(?=:)", re.IGNORECASE)


class Fault(ValueError):
    """What is wrong with a filter, and from which character on."""

    def __init__(self, what: str, at: int) -> None:
        super().__init__(what)
        self.what, self.at = what, at


class Term(NamedTuple):
    """`key` is empty for a text and `/` for an expression."""

    key: str
    values: tuple[str, ...]
    negated: bool
    at: int


def read(text: str, known: Mapping[str, str]) -> Iterator[Term]:
    """The words of a text, for keys that are known. Raises Fault."""
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        begin = at
        negated = text[at] == "!" and at + 1 < len(text) and not text[at + 1].isspace()
        at += negated
        if text[at] in '"/':
            word, at = _quoted(text, at)
            yield Term("/" if text[begin + negated] == "/" else "", (word,), negated, begin)
            continue
        key = _KEY.match(text, at)
        if key is not None and text[key.end() + 1 : key.end() + 2] != "/":
            name = key[0].lower()
            if name not in known:
                near = get_close_matches(name, known, 1)
                hint = f", did you mean {near[0]}:" if near else f"; there are {_listed(known)}"
                raise Fault(f"no key {name}:{hint}", at)
            values, at = _values(text, key.end() + 1)
            if not all(values):
                raise Fault(f"{name}: wants a value", at)
            yield Term(known[name], values, negated, begin)
            continue
        end = next((i for i in range(at, len(text)) if text[i].isspace()), len(text))
        yield Term("", (text[at:end],), negated, begin)
        at = end


def _quoted(text: str, at: int) -> tuple[str, int]:
    end = text.find(text[at], at + 1)
    while end > 0 and text[at] == "/" and text[end - 1] == "\\":
        end = text.find("/", end + 1)
    if end < 0:  # still being typed
        return text[at + 1 :], len(text)
    return text[at + 1 : end], end + 1


def _values(text: str, at: int) -> tuple[tuple[str, ...], int]:
    if text[at : at + 1] == '"':
        word, end = _quoted(text, at)
        return (word,), end
    end = next((i for i in range(at, len(text)) if text[i].isspace()), len(text))
    return tuple(text[at:end].split(",")), end


def _listed(known: Mapping[str, str]) -> str:
    return " ".join(f"{key}:" for key in dict.fromkeys(known.values()))


def keys(text: str, known: Mapping[str, str], values: Mapping[str, Collection[str]]) -> list[str]:
    """What the last word could become."""
    head, _, last = text.rpartition(" ")
    begin = f"{head} " if head else ""
    turned = "!" if last.startswith("!") else ""
    name, colon, typed = last[len(turned) :].partition(":")
    if not colon:
        return [f"{begin}{turned}{key}:" for key in known if key.startswith(name) and name]
    fitting = sorted(value for value in values.get(known.get(name, ""), ()) if typed in value)
    return [f"{begin}{turned}{name}:{value}" for value in fitting]
