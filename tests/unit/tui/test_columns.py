"""Columns: which ones there is room for, how wide they are, and that rows fit exactly."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cdktr_tui.draw.line import plain, width
from cdktr_tui.widgets.columns import Cell, Column, at, extent, header, place, row

COLUMNS = st.lists(
    st.builds(
        Column,
        id=st.uuids().map(str),
        title=st.text("TITLE ", max_size=12),
        width=st.integers(1, 12),
        align=st.sampled_from("<>^"),
        flex=st.integers(0, 2),
        rank=st.integers(0, 3),
    ),
    min_size=1,
    max_size=8,
)
TEXTS = st.text("ab漢é ✓", max_size=20)
CELLS = st.one_of(
    TEXTS,
    st.tuples(TEXTS, st.sampled_from(["", "ok", "bad"])),
    st.lists(st.tuples(TEXTS, st.sampled_from(["", "ok"])), max_size=4).map(tuple),
)


@given(COLUMNS, st.integers(12, 120), st.lists(CELLS, min_size=8, max_size=8))
def test_a_row_takes_the_room_of_its_columns_and_never_more_than_there_is(
    columns: list[Column], cells: int, texts: list[Cell]
) -> None:
    placed = place(columns, cells)
    assert extent(placed) <= cells
    assert width(row(placed, texts)) == extent(placed)
    assert width(header(placed, (columns[0].id, True))) == extent(placed)
    if any(one.column.flex for one in placed):
        assert extent(placed) == cells


@given(COLUMNS, st.integers(12, 120))
def test_the_columns_of_the_highest_rank_go_first(columns: list[Column], cells: int) -> None:
    kept = {one.nth for one in place(columns, cells)}
    gone = [column for nth, column in enumerate(columns) if nth not in kept]
    assert all(columns[nth].rank <= column.rank for nth in kept for column in gone)


@given(COLUMNS, st.integers(1, 40))
def test_wide_columns_are_all_there(columns: list[Column], cells: int) -> None:
    assert len(place(columns, cells, wide=True)) == len(columns)


def test_a_row_of_texts_spans_and_lines() -> None:
    columns = [Column("a", "A", 4), Column("b", "B", 4, ">"), Column("c", "C", 3)]
    placed = place(columns, 20)
    shown = row(placed, ["x", ("12", "ok"), (("yy", "bad"), ("zz", ""))])
    assert plain(shown) == "x      12 yy…"
    assert ("  12", "ok") in shown


def test_the_sign_of_the_sorted_column_stands_where_its_title_was_cut() -> None:
    placed = place([Column("a", "LONGER", 6), Column("b", "B", 3)], 10)
    assert plain(header(placed, ("a", True))) == "LONG…▾ B  "
    assert plain(header(placed, ("b", False))) == "LONGER B▴ "


def test_a_click_on_a_title_or_on_the_gap_after_it_is_on_that_column() -> None:
    placed = place([Column("a", "A", 3), Column("b", "B", 3)], 7)
    found = [at(placed, cell) for cell in range(9)]
    assert "".join(one.id if one else "-" for one in found) == "aaaabbbb-"
