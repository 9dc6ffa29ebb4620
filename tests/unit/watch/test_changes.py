"""What is told of files, without files: times and states are given."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from cdktr_watch.changes import CLOSED_S, HOLD_S, Change, Changes, State

OLD = 1_000_000_000_000_000_000
WALL = 2e9


def state(ino: int, size: int = 1, mtime_ns: int = OLD) -> State:
    return State(ino, size, mtime_ns, OLD)


def decide(
    changes: Changes, files: dict[str, State], now: float, wall: float = WALL
) -> list[Change]:
    """Look at all that is due, as the program does."""
    told = changes.moved([(a, b, files.get(b)) for a, b in changes.due_moves(now)])
    for path in changes.due(now, 100):
        change = changes.looked(path, files.get(path), now, wall)
        told += [change] if change is not None else []
    return told


def kinds(changes: list[Change]) -> list[tuple[str, str, str]]:
    return [(change.kind, change.path, change.source) for change in changes]


def test_a_file_that_was_closed_is_told_at_once_and_an_open_one_when_it_is_still() -> None:
    changes, files = Changes({}, None), {"a": state(1), "b": state(2)}
    changes.written("a", 10.0)
    changes.written("b", 10.0)
    changes.closed("a", 10.0)
    assert kinds(decide(changes, files, 10.0)) == [("created", "a", "")]
    changes.written("b", 11.0)
    assert decide(changes, files, 12.9) == []
    assert changes.next_due() == 11.0 + CLOSED_S
    assert kinds(decide(changes, files, 13.0)) == [("created", "b", "")]
    assert changes.next_due() is None


def test_settle_waits_whatever_is_closed() -> None:
    changes, files = Changes({}, 5.0), {"a": state(1)}
    changes.closed("a", 10.0)
    changes.closed("a", 14.0)
    assert decide(changes, files, 18.9) == []
    assert kinds(decide(changes, files, 19.0)) == [("created", "a", "")]


def test_a_file_that_is_younger_than_the_patience_is_looked_at_again() -> None:
    changes, files = Changes({}, 5.0), {"a": state(1, mtime_ns=int((WALL - 1) * 1e9))}
    changes.found("a", files["a"], 10.0, WALL)
    due = changes.next_due()
    assert due is not None and abs(due - 14.0) < 1e-6
    files["a"] = state(1, 2, int((WALL + 3) * 1e9))  # it grew, and nobody told
    assert decide(changes, files, 14.1, WALL + 4) == []
    assert kinds(decide(changes, files, 30.0, WALL + 20)) == [("created", "a", "")]


def test_the_clock_of_files_may_stand_still() -> None:
    changes, files = Changes({}, None), {"a": state(1, mtime_ns=int(WALL * 1e9) - 2_000_000)}
    changes.closed("a", 10.0)
    assert decide(changes, files, 10.0) == []
    assert changes.next_due() is not None and 10.0 < (changes.next_due() or 0) < 10.02
    assert kinds(decide(changes, files, 10.02, WALL + 0.02)) == [("created", "a", "")]


def test_what_came_and_went_unseen_is_nothing() -> None:
    changes = Changes({}, None)
    changes.written("a", 10.0)
    changes.closed("a", 10.0)
    changes.gone("a", 10.0)
    assert changes.next_due() is None


def test_an_editor_saves_by_renaming() -> None:
    # A new file over the old one; the old one aside, a new one, the old one removed.
    changes, files = Changes({"a": state(1)}, None), {"a": state(2, 3)}
    changes.written("a.tmp", 10.0)
    changes.closed("a.tmp", 10.0)
    changes.gone("a.tmp", 10.0)
    changes.closed("a", 10.0)
    changes.renamed("a.tmp", "a", 10.0)
    assert kinds(decide(changes, files, 10.0)) == [("modified", "a", "")]
    files["a"] = state(3, 4)
    changes.gone("a", 20.0)
    changes.closed("a.bak", 20.0)
    changes.renamed("a", "a.bak", 20.0)
    changes.closed("a", 20.01)
    changes.gone("a.bak", 20.02)
    assert decide(changes, files, 20.03) == []
    assert kinds(decide(changes, files, 20.03 + HOLD_S)) == [("modified", "a", "")]


def test_logs_rotate() -> None:
    told = {"log": state(3), "log.1": state(2), "log.2": state(1)}
    changes = Changes(told, None)
    for before, after in (("log.1", "log.2"), ("log", "log.1")):
        changes.gone(before, 10.0)
        changes.closed(after, 10.0)
        changes.renamed(before, after, 10.0)
    changes.closed("log", 10.0)
    files = {"log": state(4), "log.1": state(3), "log.2": state(2)}
    assert kinds(decide(changes, files, 10.0 + HOLD_S)) == [
        ("moved", "log.2", "log.1"), ("moved", "log.1", "log"), ("created", "log", ""),
    ]  # fmt: skip
    assert changes.told == files


def test_it_moves_on_before_it_was_looked_at_and_another_one_follows() -> None:
    changes = Changes({"a": state(1), "x": state(9)}, None)
    for before, after in (("a", "b"), ("b", "c"), ("a", "b"), ("x", "c"), ("c", "d")):
        changes.gone(before, 10.0)
        changes.closed(after, 10.0)
        changes.renamed(before, after, 10.0)
    files = {"b": state(2), "d": state(9)}
    told = decide(changes, files, 10.0 + HOLD_S)
    assert sorted(kinds(told)) == [("created", "b", ""), ("deleted", "a", ""), ("moved", "d", "x")]
    assert changes.told == files and changes.next_due() is None


def test_two_files_change_places() -> None:
    changes = Changes({"a": state(1), "b": state(2)}, None)
    for before, after in (("a", "t"), ("b", "a"), ("t", "b")):
        changes.gone(before, 10.0)
        changes.closed(after, 10.0)
        changes.renamed(before, after, 10.0)
    files = {"a": state(2), "b": state(1)}
    told = decide(changes, files, 10.0 + HOLD_S)
    assert sorted(kinds(told)) == [("moved", "a", "b"), ("moved", "b", "a")]
    assert changes.told == files


def test_without_moves_a_file_that_takes_the_place_of_another_is_told() -> None:
    told = {"a": state(1), "new": state(2), "log": state(4), "log.1": state(3), "x": state(5)}
    changes = Changes(told, None, moves=False)
    for before, after in (("new", "a"), ("log.1", "log.2"), ("log", "log.1"), ("x", "y")):
        changes.gone(before, 10.0)
        changes.closed(after, 10.0)
        changes.renamed(before, after, 10.0)
    files = {"a": state(2), "log.2": state(3), "log.1": state(4), "y": state(5)}
    assert kinds(decide(changes, files, 10.0 + HOLD_S)) == [
        ("deleted", "new", ""), ("deleted", "log", ""),
        ("moved", "log.2", "log.1"), ("moved", "y", "x"),
        ("modified", "a", ""), ("modified", "log.1", ""),
    ]  # fmt: skip
    assert changes.told == files


def test_what_happened_while_nobody_looked() -> None:
    told = {"a": state(1), "b": state(2), "c": state(3, 7), "d": state(4), "m/x": state(5)}
    changes = Changes(dict(told), None)
    files = {"a": state(1), "b": state(2, 9), "c2": state(3, 7), "e": state(6)}
    changes.compared(files, 10.0, WALL, away=["m"])
    found = decide(changes, files, 10.0 + HOLD_S)
    assert sorted(kinds(found)) == [
        ("created", "e", ""), ("deleted", "d", ""), ("modified", "b", ""), ("moved", "c2", "c"),
    ]  # fmt: skip
    assert changes.told == files | {"m/x": state(5)}


def test_looks_that_follow_one_another_quickly_do_not_put_it_off() -> None:
    changes = Changes({"a": state(1), "b": state(2)}, None)
    files, told = {"c": state(1)}, []
    for tenth in range(6):
        now = 10.0 + tenth / 20
        changes.compared(files, now, WALL)
        told += decide(changes, files, now)
    assert sorted(kinds(told)) == [("deleted", "b", ""), ("moved", "c", "a")]


NAMES = st.sampled_from("abcd")
STEPS = st.lists(
    st.tuples(st.sampled_from(["write", "grow", "rename", "remove", "pause", "replace"]),
              NAMES, NAMES, st.booleans()),
    max_size=40,
)  # fmt: skip


@given(STEPS, st.sampled_from([None, 0.0, 1.0]), st.booleans(), st.integers(0, 2**16))
def test_all_that_was_told_is_all_that_is_there(
    steps: list[tuple[str, str, str, bool]], settle_s: float | None, moves: bool, seed: int
) -> None:
    """Whatever happens, and whichever notices are lost before everything is looked at: the changes
    in their order turn nothing into what is there."""
    chance = random.Random(seed)
    changes, files, mirror = Changes({}, settle_s, moves), {}, {}
    now, lost = 0.0, False

    def told(some: list[Change]) -> None:
        for change in some:
            if change.source:
                assert moves or change.path not in mirror
                if change.source in mirror and mirror[change.source].ino == change.state.ino:
                    del mirror[change.source]
            if change.kind == "deleted":
                assert mirror.pop(change.path)
            else:
                known = mirror.get(change.path)
                assert change.kind != "created" or known is None
                assert change.kind != "modified" or not change.state.same(known)
                mirror[change.path] = change.state

    for serial, (what, a, b, heard) in enumerate(steps, 1):
        now += chance.choice([0.0, 0.001, 0.2])
        lost = lost or not heard
        if what == "pause":
            now += 5.0
            told(decide(changes, files, now))
        elif what in ("write", "replace") or (what == "grow" and a in files):
            kept = files[a].ino if a in files and what != "replace" else serial
            files[a] = state(kept, serial, OLD + serial)
            if heard:
                changes.written(a, now)
                changes.closed(a, now)
        elif what == "rename" and a in files and a != b:
            files[b] = files.pop(a)._replace(ctime_ns=OLD + serial)
            if heard:
                changes.gone(a, now)
                changes.closed(b, now)
                changes.renamed(a, b, now)
        elif what == "remove" and files.pop(a, None) and heard:
            changes.gone(a, now)
        if chance.random() < 0.3:
            told(decide(changes, files, now))
    if lost:
        changes.compared(files, now, WALL)
    for _ in range(4):
        now += 10.0
        told(decide(changes, files, now))
    assert changes.next_due() is None
    assert {path: one[:3] for path, one in mirror.items()} == {
        path: one[:3] for path, one in files.items()
    }
    assert mirror == changes.told
