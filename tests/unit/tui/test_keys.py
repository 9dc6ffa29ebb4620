"""The table of keys: nothing means two things at one place, and any terminal can send all of it."""

from __future__ import annotations

from importlib import import_module

from cdktr_tui.keys import (
    BY_ID,
    FOOT,
    GROUPS,
    HIDES,
    KEYS,
    PANES,
    PLACES,
    VIEWS,
    at,
    bindings,
    clashes,
    keymap,
    sendable,
    with_own,
)  # fmt: skip
from cdktr_tui.views import MAKERS
from cdktr_tui.widgets.output import OutputPane


def test_no_key_means_two_things_at_one_place() -> None:
    assert not clashes(KEYS)
    assert len(BY_ID) == len(KEYS)


def test_a_pane_hides_only_what_is_written_down() -> None:
    for view in ("run", "log"):
        of_view = {name: key.action for key in at(view) for name in key.keys}
        of_pane = {name: key.action for key in at("output") for name in key.keys}
        hidden = {name for name, action in of_pane.items() if of_view.get(name, action) != action}
        assert hidden == HIDES.get(("output", view), frozenset())


def test_every_key_of_a_place_is_an_action_there() -> None:
    made = {name: getattr(import_module(f"cdktr_tui.views.{name}"), kind)
            for name, kind in MAKERS.items()}  # fmt: skip
    made["output"] = OutputPane
    missing = [
        (place, key.id)
        for place, kind in made.items()
        for key in at(place)
        if not hasattr(kind, f"action_{key.action.partition('(')[0]}")
    ]
    assert set(made) == set(VIEWS) | {"output"} and not missing


def test_any_terminal_can_send_every_key() -> None:
    assert not [name for key in KEYS for name in key.keys if not sendable(name)]
    assert not any(sendable(name) for name in ("ctrl+enter", "ctrl+m", "ctrl+i", "alt+x", "ctrl+1"))


def test_every_key_says_where_it_is_and_what_it_does() -> None:
    for key in KEYS:
        assert key.where and set(key.where) <= set(PLACES) and key.group in GROUPS
        assert key.help and len(key.help) <= 64
        assert len(key.label.split()) <= 2


def test_every_view_can_be_left_and_explains_itself() -> None:
    for view in VIEWS:
        assert {"view.back", "view.leave", "view.help", "view.command"} <= {
            key.id for key in at(view)
        }
    for pane in PANES:
        assert at(pane)


def test_own_keys_take_the_place_of_the_keys_of_the_table() -> None:
    keys, faults = with_own({"act.cancel": "ctrl+k", "output.older": ", <"})
    assert not faults
    assert keymap(keys) == {"act.cancel": "ctrl+k", "output.older": "comma,<"}
    assert keymap(KEYS) == {}


def test_what_is_wrong_with_own_keys_is_told_and_harms_nothing() -> None:
    keys, faults = with_own({"act.cancle": "x", "row.open": "ctrl+m", "row.mark": ""})
    assert keys == KEYS
    assert faults == [
        "keys: there is no 'act.cancle'; did you mean act.cancel?",
        "keys.row.open: 'ctrl+m' is no key that every terminal can send",
        "keys.row.mark: no key is named",
    ]
    keys, faults = with_own({"act.logs": "x"})
    assert keys == KEYS
    assert faults[0] == "keys: 'x' is bound to act.explain and act.logs in workflows"


def test_bindings_are_made_of_the_keys_of_a_place() -> None:
    made = {binding.id: binding for binding in bindings("output")}
    assert made["output.older"].key == "comma"
    assert made["move.down"].key == "j,down" and made["move.down"].action == "down"


def test_the_foot_of_each_view_shows_keys_that_it_has() -> None:
    assert set(FOOT) == set(VIEWS)
    for view, ids in FOOT.items():
        here = {key.id for place in (view, "output") for key in at(place)}
        assert set(ids) <= here and all(BY_ID[id].label for id in ids)
