"""A list of rows: what stays where when rows come, go and change places."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cdktr_tui.widgets.listing import Listing

KEYS = st.lists(st.sampled_from([f"r{n}" for n in range(30)]), unique=True)
STEPS = st.one_of(
    st.tuples(st.just("replace"), KEYS),
    st.tuples(st.sampled_from(["go", "turn", "scroll", "page"]), st.integers(-40, 40)),
    st.tuples(st.sampled_from(["mark", "mark_range", "mark_all"]), st.none()),
)


def listing(keys: list[str], page: int = 4) -> Listing:
    made = Listing()
    made.page = page
    made.replace(keys)
    return made


def take(rows: Listing, step: tuple[str, object]) -> None:
    name, value = step
    if name == "page":
        rows.page = abs(int(str(value))) + 1
        rows.clamp()
    elif value is None:
        getattr(rows, name)()
    else:
        getattr(rows, name)(value)


@given(st.lists(STEPS, max_size=30))
def test_the_cursor_is_on_a_row_and_the_page_is_full_whatever_happens(
    steps: list[tuple[str, object]],
) -> None:
    rows = Listing()
    for step in steps:
        take(rows, step)
        assert (rows.cursor in rows.keys) if rows.keys else rows.cursor is None
        assert 0 <= rows.top <= max(0, len(rows.keys) - rows.page)
        if step[0] in ("go", "turn") and rows.keys:
            assert rows.in_sight(rows.at)
        assert set(rows.selected()) <= set(rows.keys)


@given(KEYS, KEYS, st.integers(0, 30), st.integers(1, 9), st.integers(0, 30))
def test_the_cursor_stays_on_its_row_and_the_row_in_its_line(
    before: list[str], after: list[str], at: int, page: int, scrolled: int
) -> None:
    rows = listing(before, page)
    rows.go(at)
    rows.scroll(-scrolled)
    cursor, line, top = rows.cursor, rows.at - rows.top, rows.top
    rows.replace(after)
    if cursor not in after:
        return
    assert rows.cursor == cursor
    if 0 <= line < page and top:
        wanted = rows.at - line
        assert rows.top == max(0, min(wanted, len(after) - page))


def test_new_rows_come_into_sight_at_the_very_top() -> None:
    rows = listing(["b", "c", "d", "e", "f"])
    rows.replace(["a", "b", "c", "d", "e", "f"])
    assert (rows.cursor, rows.top) == ("b", 0)


def test_a_row_that_is_gone_leaves_the_cursor_in_its_line() -> None:
    rows = listing(["a", "b", "c"])
    rows.go(1)
    rows.replace(["a", "c"])
    assert rows.cursor == "c"
    rows.replace(["a"])
    assert rows.cursor == "a"
    rows.replace([])
    assert rows.cursor is None


def test_marks_of_rows_that_a_filter_hides_come_back_with_them_and_are_not_acted_on() -> None:
    rows = listing(["a", "b", "c"])
    rows.mark()
    rows.replace(["b", "c"])
    assert rows.selected() == ["b"]
    rows.replace(["a", "b", "c"])
    assert rows.selected() == ["a"]


def test_a_range_reaches_from_the_last_mark_to_the_cursor() -> None:
    rows = listing(["a", "b", "c", "d"])
    rows.go(1)
    rows.mark()
    rows.go(3)
    rows.mark_range()
    assert rows.selected() == ["b", "c", "d"]


def test_all_are_marked_and_then_none() -> None:
    rows = listing(["a", "b"])
    rows.mark_all()
    assert rows.selected() == ["a", "b"]
    rows.mark_all()
    assert rows.marks == set()
