"""The program's own settings: `$CDKTR_HOME/tui.yaml`, all of it optional.

    theme: cdktr-light
    fps: 10
    glyphs: braille          # block, braille or ascii
    mouse: false
    keys:                    # by the ids of docs/keys.md, several keys separated by blanks
      act.cancel: ctrl+k
    queries:                 # for the view of queries, by name
      slow: select workflow, max(ended_ts - started_ts) from runs group by 1
    themes:                  # your own, in Textual's words
      dusk: {primary: "#7aa2f7", background: "#1a1b26", dark: true}

What is wrong is told with file and line, and ends the program: nothing is guessed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final, NamedTuple

from textual.color import Color, ColorParseError
from textual.theme import BUILTIN_THEMES, Theme

from cdktr_common import clean
from cdktr_common.settings import SettingsError
from cdktr_tui import themes
from cdktr_tui.draw import glyphs
from cdktr_tui.keys import KEYS, Key, with_own

FILE: Final = "tui.yaml"
MOST: Final = 1 << 20
"""Bytes of the file."""
DEEP: Final = 3
"""Mappings within each other: themes, one of them, its colours."""
FPS: Final = (1.0, 60.0)
COLOURS: Final = (
    "primary", "secondary", "warning", "error", "success", "accent", "foreground", "background",
    "surface", "panel", "boost",
)  # fmt: skip
NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,59}")
"""Of a query or a theme."""


class Own(NamedTuple):
    """What the file says; empty or None: nothing."""

    theme: str = ""
    fps: float | None = None
    glyphs: str = ""
    mouse: bool = True
    keys: tuple[Key, ...] = KEYS
    queries: Mapping[str, str] = {}
    themes: tuple[Theme, ...] = ()
    path: str = ""
    """Where it is, or would be."""


def read(home: str) -> Own:
    """The settings of this home. Raises SettingsError."""
    path = os.path.join(home, FILE)
    try:
        with open(path, "rb") as file:
            told = file.read(MOST + 1)
        text = told.decode()
    except UnicodeDecodeError as fault:
        line = told[: fault.start].count(b"\n") + 1
        raise SettingsError(f"{path}:{line}: this is no UTF-8") from None
    except FileNotFoundError:
        return Own(path=path)
    except OSError as fault:
        raise SettingsError(f"{path}: {fault}") from None
    if len(told) > MOST:
        raise SettingsError(f"{path}: more than {MOST:,} bytes are no settings")
    return parse(text, path)


def parse(text: str, path: str = FILE) -> Own:
    """The settings in a text. Raises SettingsError with the line."""
    own = Own(path=path)
    made: dict[str, Any] = {}
    told, lines = _read(text, path)

    def wrong(what: object, key: str) -> SettingsError:
        return SettingsError(clean.line(f"{path}:{lines[key]}: {what}", 400))

    for name, value in told.items():
        take = _TAKES.get(name)
        try:
            if take is None:
                near = get_close_matches(name, _TAKES, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ValueError(f"unknown setting '{name}'{hint}")
            made[name] = take(value)
        except Within as fault:
            raise wrong(fault, fault.key if fault.key in lines else name) from None
        except ValueError as fault:
            raise wrong(fault, name) from None
    own = own._replace(**made)
    if own.theme and own.theme not in names(own):
        near = get_close_matches(own.theme, names(own), 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise wrong(f"there is no theme '{own.theme}'{hint}", "theme")
    return own


def names(own: Own) -> list[str]:
    """All themes that there are."""
    return [theme.name for theme in (*themes.ALL, *own.themes)] + list(BUILTIN_THEMES)


class Within(ValueError):
    """What is wrong within a setting, and under which key there: `keys.act.cancel`."""

    def __init__(self, key: str, what: str) -> None:
        super().__init__(what)
        self.key = key


def _read(text: str, path: str) -> tuple[dict[str, Any], dict[str, int]]:
    """The mapping, and the line of each key and of those below it (`keys.act.cancel`)."""
    import yaml  # only when there is a file

    loader = yaml.SafeLoader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return {}, {}
        if not isinstance(node, yaml.MappingNode):
            raise SettingsError(f"{path}:1: not a mapping of settings")
        lines = _lines(node, path)
        made = {
            str(key.value): loader.construct_object(value, deep=True) for key, value in node.value
        }
        return made, lines
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        place = f":{mark.line + 1}" if mark else ""
        raise SettingsError(f"{path}{place}: {fault.problem}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as fault:
        raise SettingsError(clean.line(f"{path}: {fault}", 400)) from None
    finally:
        loader.dispose()


def _lines(node: Any, path: str, depth: int = DEEP) -> dict[str, int]:
    """On which line each key stands; none may be there twice."""
    own: dict[str, int] = {}
    below: dict[str, int] = {}
    for key, value in node.value if node.id == "mapping" and depth else ():
        name, line = str(key.value), key.start_mark.line + 1
        if name in own:
            twice = f"{path}:{line}: '{name}' is there twice, on line {own[name]} too"
            raise SettingsError(clean.line(twice, 400))
        own[name] = line
        for inner, place in _lines(value, path, depth - 1).items():
            below[f"{name}.{inner}"] = place
    return {**below, **own}


def _theme(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("theme is the name of one")
    return value


def _fps(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("fps is a number")
    if not FPS[0] <= value <= FPS[1]:
        raise ValueError(f"fps is {FPS[0]:g} to {FPS[1]:g}, not {value}")
    return float(value)


def _glyphs(value: Any) -> str:
    if value not in glyphs.SETS:
        raise ValueError(f"glyphs is one of {', '.join(glyphs.SETS)}, not {value}")
    return str(value)


def _mouse(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("mouse is true or false")
    return value


def _keys(value: Any) -> tuple[Key, ...]:
    own = {}
    for id, names in _mapping("keys", value).items():
        own[id] = " ".join(map(str, names)) if isinstance(names, list) else str(names)
    keys, faults = with_own(own)
    if faults:
        named = [id for id in own if re.search(rf"(?<!\w){re.escape(id)}(?![\w.])", faults[0])]
        raise Within(f"keys.{named[-1] if named else ''}", faults[0])
    return keys


def _queries(value: Any) -> dict[str, str]:
    found = {}
    for name, sql in _mapping("queries", value).items():
        if not NAME.fullmatch(name):
            raise Within(
                f"queries.{name}", f"'{name}' is no name of a query: letters, digits, blanks, ._-"
            )
        if not isinstance(sql, str) or not sql.strip():
            raise Within(f"queries.{name}", f"queries.{name} is a text of SQL")
        found[name] = sql.strip()
    return found


def _themes(value: Any) -> tuple[Theme, ...]:
    return tuple(_made(name, words) for name, words in _mapping("themes", value).items())


def _made(name: str, words: Any) -> Theme:
    where = f"themes.{name}"
    if not NAME.fullmatch(name):
        raise Within(where, f"'{name}' is no name of a theme")
    given = _mapping(where, words)
    dark = given.pop("dark", True)
    if not isinstance(dark, bool):
        raise Within(f"{where}.dark", f"{where}.dark is true or false")
    for colour, text in given.items():
        place = f"{where}.{colour}"
        if colour not in COLOURS:
            raise Within(place, f"{place}: the colours are {', '.join(COLOURS)} and dark")
        try:
            Color.parse(str(text))
        except ColorParseError:
            raise Within(place, f"{place}: '{text}' is no colour, like #7aa2f7") from None
    if "primary" not in given:
        raise Within(where, f"{where}: primary is needed, the other colours follow from it")
    colours: dict[str, Any] = {colour: str(text) for colour, text in given.items()}
    return Theme(name=name, dark=dark, **colours)


def _mapping(name: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Within(name, f"{name} is a mapping")
    return {str(key): one for key, one in value.items()}


_TAKES: Final = {
    "theme": _theme, "fps": _fps, "glyphs": _glyphs, "mouse": _mouse, "keys": _keys,
    "queries": _queries, "themes": _themes,
}  # fmt: skip


def with_query(text: str, name: str, sql: str) -> str:
    """The text of the file with one more query, all else as it was, comments too. Raises
    ValueError when that cannot be done by adding lines."""
    if not NAME.fullmatch(name):
        raise ValueError("a name has letters, digits, blanks, ._-")
    if name in parse(text).queries:
        raise ValueError("there is such a query already")
    entry = [f'  "{name}": |-', *(f"    {line}" for line in sql.strip().splitlines())]
    lines = text.rstrip("\n").split("\n") if text.strip() else []
    head = [at for at, line in enumerate(lines) if re.match(r"queries:\s*(#.*)?$", line)]
    if head:
        lines[head[0] + 1 : head[0] + 1] = entry
    else:
        lines += ["queries:", *entry]
    made = "\n".join(lines) + "\n"
    try:
        kept = parse(made).queries
    except SettingsError as fault:
        raise ValueError(f"the file is written in a way that cannot be added to: {fault}") from None
    if kept != {**parse(text).queries, name: sql.strip()}:
        raise ValueError("the file is written in a way that cannot be added to")
    return made


def save_query(path: str, name: str, sql: str) -> str | None:
    """Write a query into the file; what is wrong if that cannot be."""
    try:
        text = ""
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                text = file.read()
        made = with_query(text, name, sql)
        fresh = f"{path}.new"
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(made)
        os.replace(fresh, path)
    except (OSError, ValueError, SettingsError) as fault:
        return clean.line(str(fault), 300)
    return None
