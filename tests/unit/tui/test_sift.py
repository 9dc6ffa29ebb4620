"""Which rows of output are shown and which match, however they come and go; and how they look."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdktr_common import clean
from cdktr_tui.draw.line import plain, width
from cdktr_tui.draw.loglines import Look, lines, marked, split
from cdktr_tui.model.expression import Expression
from cdktr_tui.model.sift import Pattern, Sift
from cdktr_tui.model.tape import Row, Source, Tape
from cdktr_tui.model.transcript import Transcript
from cdktr_tui.terminal.patience import Patience
from tests.hostile.corpus import CASES, HUGE
from tests.unit.tui.recorder import SCOPE, Recorder, serve

SOURCE = Source("r", "task", 1, "stdout")
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.just("write"), st.sampled_from(["stdout", "stderr"]),
            st.lists(st.sampled_from(["x", "hit ", "no\n", "\n", "a hit\n"]), min_size=1),
        ),
        st.tuples(st.sampled_from(["older", "newer", "to_start", "to_end", "look"])),
        st.tuples(st.sampled_from(["only", "hold"])),
        st.tuples(st.just("streams"), st.sampled_from([("stdout",), ("stderr",)])),
    ),
    max_size=30,
)  # fmt: skip


@given(STEPS, st.integers(3, 40))
@settings(deadline=None, max_examples=200)
def test_what_was_looked_at_bit_by_bit_is_what_a_look_at_all_would_find(steps, most: int) -> None:
    recorder = Recorder(page=2)
    script = Transcript(SCOPE, Tape(rows=most))
    sift = Sift(script.tape)
    sift.search(Pattern("hit"))
    streams, only = ("stdout", "stderr"), False
    for step in steps:
        if step[0] == "write":
            script.live(*recorder.write("".join(step[2]).encode(), stream=step[1]))
        elif step[0] == "look":
            sift.advance(1)
        elif step[0] == "hold":
            script.hold = not script.hold
        elif step[0] == "only":
            only = not only
            sift.show(only=only)
        elif step[0] == "streams":
            streams = step[1]
            sift.show(streams=streams)
        else:
            getattr(script, step[0])()
        serve(script, recorder)
    while sift.advance(3):
        pass
    tape = script.tape
    rows = {number: tape.row(number) for number in range(tape.first, tape.end)}
    wanted = [n for n, row in rows.items() if row.kind != "text" or row.source.stream in streams]
    hits = [n for n in wanted if rows[n].kind == "text" and "hit" in rows[n].text]
    assert list(sift.hits) == hits
    shown = hits if only else wanted
    assert [sift.number(place) for place in range(len(sift))] == shown
    assert [sift.place(number) for number in shown] == list(range(len(shown)))


@pytest.mark.parametrize(
    ("words", "text", "fits"),
    [
        ("warn", "a WARNing", True), ("Warn", "a WARNing", False), ("a.b", "axb", False),
        ("/a.b", "axb", True), ("!warn", "all is well", True), ("!/w.l", "all is well", False),
        ("error", "\x1b[31mERR\x1b[1mOR\x1b[0m", True), ("x", "y" * 9000 + "x", True),
        ("/\\D", "1", False), ("/\\S", "a", True),
    ],
)  # fmt: skip
def test_what_is_searched_is_what_is_seen(words: str, text: str, fits: bool) -> None:
    assert Pattern(words).matches(text) == fits


LONG = "A" * 65_000


@pytest.mark.parametrize(
    ("words", "text", "fits"),
    [
        ("aend", LONG + "END", True), ("/A+END$", LONG + "END", True), ("/END", LONG, False),
        ("\x1b", LONG, False), ("END", "\x1b[1m" + LONG + "\x1b[0mEND", True),
        ("/A$", LONG + "b", False), ("/^A", "b" + LONG, False), ("/^A.*A$", "A" * 5000, True),
        ("/A\\b", LONG + "_", False), ("/b(?!A)", "b" + LONG, False), ("!/END$", LONG, True),
    ],
)  # fmt: skip
def test_a_long_line_is_looked_at_to_its_end(words: str, text: str, fits: bool) -> None:
    assert Pattern(words).matches(text) == fits


@pytest.mark.parametrize("body", ["(a+)+$", "(a|a)*b", ".*.*.*x", "(?:a?){40}a{40}b", "(.*)*x"])
def test_an_expression_that_takes_for_ever_is_given_up(body: str) -> None:
    expression = Expression(body, guard=Patience)
    began = time.thread_time()
    for _ in range(100):
        assert not expression.within("a" * 4000 + "!")
    assert expression.late and time.thread_time() - began < 2


def test_what_is_quick_is_never_given_up_and_all_looks_together_are_bounded() -> None:
    quick, slow = Expression("a.*b", guard=Patience), Expression(".*y.*x", guard=Patience)
    assert all(quick.within("xaxbx") for _ in range(20_000)) and not quick.late
    began = time.thread_time()
    for _ in range(2000):
        slow.within("y" * 1500)
    assert time.thread_time() - began < 3


def test_rows_are_looked_at_as_many_at_once_as_are_not_too_long() -> None:
    recorder, script = Recorder(page=400), Transcript(SCOPE)
    for _ in range(300):
        script.live(*recorder.write(b"x" * 60_000 + b"\n"))
    serve(script, recorder)
    sift = Sift(script.tape)
    sift.search(Pattern("x"))
    assert sift.advance() and 0 < len(sift.hits) < 10
    while sift.advance():
        pass
    assert len(sift.hits) == len(script.tape)


@given(st.text(max_size=8))
def test_whatever_is_typed_is_a_pattern_or_a_fault_in_words(words: str) -> None:
    try:
        Pattern("/" + words).matches("some text")
    except ValueError as fault:
        assert str(fault)


@pytest.mark.parametrize(
    "words", ["", "!", "/", "/(", "/[", "!/*", "/a{99999999999999999999}", "/[["]
)
def test_what_cannot_be_searched_is_told(words: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Pattern(words)


LOOKS = st.builds(
    Look, clock=st.sampled_from(["absolute", "relative", "none"]), names=st.integers(0, 16),
    numbers=st.booleans(), verbose=st.booleans(), wrap=st.booleans(), plain=st.booleans(),
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.sampled_from(sorted(CASES.values())))


@given(TEXTS, LOOKS, st.integers(1, 60), st.integers(0, 30), st.sampled_from(["text", "gap"]))
@settings(max_examples=300, deadline=None)
def test_every_line_is_as_wide_as_the_screen_and_clean(text, look, cells, left, kind) -> None:
    row = Row(SOURCE._replace(task=text or "t"), 1000.0, 0, text, kind)
    drawn = lines(row, look, cells, 1001.0, left, Pattern("o").spans)
    room = cells
    for one in drawn:
        assert clean.is_clean(plain(one))
        assert width(one) == room or width(one) <= max(room, 60)
    wide = [one for one in drawn if width(one) != cells]
    assert not wide or cells < 40  # what stands before a line is never cut away


@given(st.text(alphabet="ab漢é ", max_size=60), st.integers(2, 20))
def test_a_wrapped_line_loses_nothing(text: str, cells: int) -> None:
    said = clean.styled(text)
    parts = split(said, cells)
    assert all(width(part) == cells for part in parts)
    joined = "".join(plain(part) for part in parts).replace(" ", "")
    assert joined == text.replace(" ", "")


def test_matches_are_laid_over_colours() -> None:
    said = clean.styled("an \x1b[31merr\x1b[0mor here")
    spans = Pattern("error").spans("an error here")
    assert marked(said, spans) == (
        ("an ", ""), ("err", "fg1 match"), ("or", "match"), (" here", ""),
    )  # fmt: skip


@pytest.mark.parametrize("case", HUGE)
def test_a_huge_line_is_drawn_like_any_other(case: str) -> None:
    row = Row(SOURCE, 0.0, 0, HUGE[case][:65_536])
    for wrap in (False, True):
        drawn = lines(row, Look(wrap=wrap), 80, 0.0, 0, Pattern("x").spans)
        assert len(drawn) <= 60
