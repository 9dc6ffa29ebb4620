"""The program's own settings: what is wrong is told with its line; a saved one changes no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdktr_common.settings import SettingsError
from cdktr_tui.keys import keymap
from cdktr_tui.settings import Own, parse, read, save_query, with_query

FULL = """\
theme: dusk  # mine
fps: 10
glyphs: braille
mouse: false
keys:
  act.cancel: ctrl+k
  move.down: [j, ctrl+n]
queries:
  # the slow ones
  slow: select 1
themes:
  dusk: {primary: "#7aa2f7", background: "#1a1b26", dark: true}
"""


def test_all_settings_are_read() -> None:
    own = parse(FULL)
    assert (own.theme, own.fps, own.glyphs, own.mouse) == ("dusk", 10.0, "braille", False)
    assert keymap(own.keys) == {"act.cancel": "ctrl+k", "move.down": "j,ctrl+n"}
    assert own.queries == {"slow": "select 1"}
    assert own.themes[0].primary == "#7aa2f7"


def test_without_a_file_and_with_an_empty_one_nothing_is_set(tmp_path: Path) -> None:
    assert read(str(tmp_path)) == Own(path=str(tmp_path / "tui.yaml"))
    (tmp_path / "tui.yaml").write_text("# nothing\n")
    assert read(str(tmp_path)) == Own(path=str(tmp_path / "tui.yaml"))


@pytest.mark.parametrize(
    "text, said",
    [
        ("\nthem: x", "tui.yaml:2: unknown setting 'them'; did you mean theme?"),
        (
            "theme: cdktr-drak",
            "tui.yaml:1: there is no theme 'cdktr-drak'; did you mean cdktr-dark?",
        ),
        ("fps: 100", "tui.yaml:1: fps is 1 to 60, not 100"),
        ("fps: fast", "tui.yaml:1: fps is a number"),
        ("glyphs: x", "tui.yaml:1: glyphs is one of block, braille, ascii, not x"),
        ("mouse: 1", "tui.yaml:1: mouse is true or false"),
        (
            "fps: 5\nkeys: {act.cancle: x}",
            "tui.yaml:2: keys: there is no 'act.cancle'; did you mean act.cancel?",
        ),
        (
            "keys: {act.logs: x}",
            "tui.yaml:1: keys: 'x' is bound to act.explain and act.logs in workflows",
        ),
        (
            "keys:\n  act.pause: F\n  act.cancel: r\n",
            "tui.yaml:3: keys: 'r' is bound to act.run and act.cancel in workflows",
        ),
        ("keys:\n  move.down: [j,\n    ctrl+m]", "tui.yaml:2: keys.move.down: 'ctrl+m' is no key"),
        ("fps: 5\n\nfps: 6", "tui.yaml:3: 'fps' is there twice, on line 1 too"),
        (
            "keys:\n  act.run: F\n  act.run: G",
            "tui.yaml:3: 'act.run' is there twice, on line 2 too",
        ),
        ("fps: 100000000", "tui.yaml:1: fps is 1 to 60, not 100000000"),
        ("queries:\n  a: 'x'\n  b: 1", "tui.yaml:3: queries.b is a text of SQL"),
        (
            "themes:\n  a:\n    primary: red\n    panel: nocolour",
            "tui.yaml:4: themes.a.panel: 'nocolour' is no",
        ),
        ("\ntheme: a\nthemes: {a: x}", "tui.yaml:3: themes.a is a mapping"),
        ("\ntheme: nope", "tui.yaml:2: there is no theme 'nope'"),
        ("queries: [a]", "tui.yaml:1: queries is a mapping"),
        ("queries: {a: 1}", "tui.yaml:1: queries.a is a text of SQL"),
        ("themes: {a: {primary: nocolour}}", "tui.yaml:1: themes.a.primary: 'nocolour' is no"),
        ("themes: {a: {}}", "tui.yaml:1: themes.a: primary is needed"),
        ("a: [", "tui.yaml:"),
        ("- a", "tui.yaml:1: not a mapping of settings"),
        ("theme: !!python/object:os.system x", "tui.yaml:1: could not determine a constructor"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as fault:
        parse(text)
    assert str(fault.value).startswith(said)
    assert fault.value.exit == 78


def test_a_file_that_is_no_text_is_told_with_the_line(tmp_path: Path) -> None:
    (tmp_path / "tui.yaml").write_bytes(b"fps: 5\n# \xff\n")
    with pytest.raises(SettingsError) as fault:
        read(str(tmp_path))
    assert str(fault.value) == f"{tmp_path}/tui.yaml:2: this is no UTF-8"


def test_a_query_that_is_saved_leaves_all_else_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "tui.yaml"
    path.write_text(FULL)
    assert save_query(str(path), "fails 24h", "select workflow\nfrom runs") is None
    assert parse(path.read_text()).queries == {
        "slow": "select 1",
        "fails 24h": "select workflow\nfrom runs",
    }
    assert [line for line in FULL.splitlines() if line not in path.read_text()] == []
    assert save_query(str(path), "slow", "select 2") == "there is such a query already"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_first_query_makes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "tui.yaml"
    assert save_query(str(path), "a", "select 1 -- 'x': y") is None
    assert read(str(tmp_path)).queries == {"a": "select 1 -- 'x': y"}


def test_a_file_that_cannot_be_added_to_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be added to"):
        with_query("queries: {a: select 1}\n", "b", "select 2")
