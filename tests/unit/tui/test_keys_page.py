"""The page of keys shows the table of keys as it is.
`python -m tests.unit.tui.test_keys_page` writes it anew."""

from __future__ import annotations

import re
from pathlib import Path

from cdktr_tui.acting.commands import ALIASES, FORMS
from cdktr_tui.keys import GROUPS, KEYS, PANES, VIEWS, Key, shown
from cdktr_tui.settings import parse

PAGE = Path(__file__).parents[3] / "docs" / "keys.md"
TITLES = {
    "views": "Going to views", "this view": "In any view", "movement": "Moving",
    "rows": "Rows", "actions": "Doing something", "output": "Output of tasks",
    "dialogs": "Boxes and forms",
}  # fmt: skip


def where(key: Key) -> str:
    """The places of a key, in few words."""
    if set(VIEWS) <= set(key.where):
        return "everywhere"
    missing = [view for view in VIEWS if view not in key.where]
    if len(missing) <= 4 and len(key.where) > 6:
        return f"all but {', '.join(missing)}"
    return ", ".join(place for place in (*VIEWS, *PANES) if place in key.where)


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def table_of_keys() -> str:
    parts = []
    for group in GROUPS:
        rows = ["| keys | what | where | id |", "|---|---|---|---|"]
        for key in KEYS:
            if key.group == group:
                names = " ".join(f"`{cell(shown(name))}`" for name in key.keys)
                rows.append(f"| {names} | {cell(key.help)} | {where(key)} | `{key.id}` |")
        parts.append(f"## {TITLES[group]}\n\n" + "\n".join(rows))
    return "\n\n".join(parts)


def table_of_commands() -> str:
    rows = ["| command | what | short |", "|---|---|---|"]
    for form in FORMS:
        kind = {"": "", "text": " [FILTER]", "object": " NAME"}.get(
            form.takes, f" {form.takes.upper()}"
        )
        kind = " [SQL]" if form.name == "query" else kind
        short = " ".join(f"`{alias}`" for alias, name in ALIASES.items() if name == form.name)
        rows.append(f"| `:{form.name}{kind}` | {cell(form.help)} | {short} |")
    return "\n".join(rows)


def fresh(text: str) -> str:
    """The page with its tables as they are to be now."""
    for name, made in (("keys", table_of_keys()), ("commands", table_of_commands())):
        place = re.compile(rf"<!-- {name} -->\n.*?(?=\n## (?:Commands|Your own keys)\n)", re.DOTALL)
        text = place.sub(lambda _, name=name, made=made: f"<!-- {name} -->\n\n{made}\n", text)
    return text


def test_the_page_shows_the_keys_as_they_are() -> None:
    text = PAGE.read_text()
    assert fresh(text) == text, "python -m tests.unit.tui.test_keys_page writes it anew"


def test_the_example_of_own_keys_can_be_used() -> None:
    example = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert [parse(text).keys != KEYS for text in example] == [True]


if __name__ == "__main__":
    PAGE.write_text(fresh(PAGE.read_text()))
