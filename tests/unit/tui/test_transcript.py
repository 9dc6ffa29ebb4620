"""Output is put together gapless, each byte once, whatever of it is lost on its way."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdktr_tui.model.asks import Scope
from cdktr_tui.model.tape import LONGEST, Tape
from cdktr_tui.model.transcript import Transcript
from tests.unit.tui.recorder import SCOPE, Recorder, rows, serve

WRITES = st.tuples(
    st.sampled_from(["a", "b"]),
    st.sampled_from(["stdout", "stderr"]),
    st.lists(st.sampled_from(["x", "yy", "é", "漢", "\n", "\n", "line\n"]), min_size=1, max_size=6)
    .map("".join).map(str.encode),
)  # fmt: skip
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), WRITES, st.booleans()),
        st.tuples(st.sampled_from(["older", "newer", "serve", "missed"])),
        st.tuples(st.sampled_from(["to_start", "to_end"])),
        st.tuples(st.just("moment"), st.integers(0, 40)),
    ),
    max_size=40,
)


def lines_of(data: bytes) -> list[str]:
    lines = data.decode().split("\n")
    return lines if lines[-1] else lines[:-1]


@given(st.lists(WRITES, max_size=15), STEPS)
@settings(deadline=None, max_examples=300)
def test_whatever_is_lost_and_wherever_one_looks_each_line_is_there_once(before, steps) -> None:
    recorder = Recorder(page=3)
    for task, stream, data in before:
        recorder.write(data, task, stream)
    script = Transcript(SCOPE)
    lost = False
    for step in steps:
        if step[0] == "write":
            (task, stream, data), heard = step[1], step[2]
            pos, chunk = recorder.write(data, task, stream)
            if heard:
                script.live(pos, chunk)
            lost = lost or not heard
        elif step[0] == "serve":
            serve(script, recorder)
        elif step[0] == "moment":
            script.to_moment(1000.0 + step[1])
        else:
            getattr(script, step[0])()
    serve(script, recorder)
    script.to_end()
    serve(script, recorder)
    if lost:
        script.missed()
        serve(script, recorder)
    while script.low is not None:
        script.older()
        assert serve(script, recorder)
    assert script.low is None and script.at_end
    for task in "ab":
        for stream in ("stdout", "stderr"):
            assert rows(script, task, stream) == lines_of(recorder.bytes_of(task, stream))


@given(st.lists(WRITES, min_size=1, max_size=60), st.integers(3, 9), st.integers(1, 6))
@settings(deadline=None, max_examples=200)
def test_a_short_tape_goes_from_end_to_end_and_back(writes, most: int, page: int) -> None:
    recorder = Recorder(page)
    half = len(writes) // 2
    for task, stream, data in writes[:half]:
        recorder.write(data, task, stream)
    script = Transcript(SCOPE, Tape(rows=most))
    serve(script, recorder)
    script.hold = bool(most % 2)
    for task, stream, data in writes[half:]:
        script.live(*recorder.write(data, task, stream))
        serve(script, recorder)
    seen: dict[tuple[str, str], list[str]] = {}
    for _ in range(200):
        if script.low is None:
            break
        script.older()
        serve(script, recorder)
    assert script.low is None
    for _ in range(200):
        for task in "ab":
            for stream in ("stdout", "stderr"):
                merge(seen.setdefault((task, stream), []), rows(script, task, stream),
                      lines_of(recorder.bytes_of(task, stream)))  # fmt: skip
        if script.at_end:
            break
        script.newer()
        serve(script, recorder)
    assert script.at_end


def merge(seen: list[str], shown: list[str], all_of_it: list[str]) -> None:
    """What is shown is a part of all there is."""
    joined = "\n".join(all_of_it)
    assert "\n".join(shown) in joined, (shown, all_of_it)


def test_a_hole_is_asked_for_while_what_follows_waits() -> None:
    recorder = Recorder()
    script = Transcript(SCOPE)
    recorder.write(b"one\n")
    serve(script, recorder)
    recorder.write(b"two\n")
    script.live(*recorder.write(b"three\n"))
    assert rows(script) == ["one"]
    (ask,) = script.asks()
    assert ask.wish == "hole"
    script.answer(ask, recorder.answer(ask.request))
    assert rows(script) == ["one", "two", "three"] and script.refetched > 0


def test_what_nobody_has_is_told_in_a_row_of_its_own() -> None:
    recorder = Recorder()
    script = Transcript(SCOPE)
    recorder.write(b"one\n")
    serve(script, recorder)
    script.live(*recorder.write(b"far\n", skip=1234))
    serve(script, recorder)
    assert rows(script) == ["one", "1,234 bytes of stdout of t are missing here", "far"]


def test_what_is_said_twice_is_shown_once() -> None:
    recorder = Recorder()
    script = Transcript(SCOPE)
    serve(script, recorder)
    first = recorder.write(b"one\n")
    second = recorder.write(b"two\n")
    for each in (first, second, first, second, second):
        script.live(*each)
    assert rows(script) == ["one", "two"] and not script.asks()


def test_a_line_in_parts_is_one_row_however_the_parts_come() -> None:
    recorder = Recorder(page=1)
    script = Transcript(SCOPE)
    recorder.write(b"be")
    recorder.write(b"gin ")
    serve(script, recorder)
    script.live(*recorder.write(b"between\n", task="u"))
    script.live(*recorder.write("end ü".encode()[:-1]))
    script.live(*recorder.write("ü".encode()[-1:] + b"\nnext"))
    assert rows(script) == ["gin end ü", "next"]
    script.older()
    serve(script, recorder)
    assert rows(script) == ["begin end ü", "next"] and script.low is None and script.at_end


def test_a_line_without_end_goes_on_in_another_row() -> None:
    recorder = Recorder()
    script = Transcript(SCOPE)
    serve(script, recorder)
    for _ in range(5):
        script.live(*recorder.write(b"x" * (LONGEST - 10)))
    assert "".join(rows(script)) == "x" * 5 * (LONGEST - 10)
    assert all(len(row) <= LONGEST for row in rows(script))


@pytest.mark.parametrize("live", [True, False])
def test_parts_of_a_line_are_told_from_lines_however_they_come(live: bool) -> None:
    recorder, script = Recorder(page=3), Transcript(SCOPE)
    if live:
        serve(script, recorder)
    for data in (b"one\n", *[b"x" * (1 << 16)] * 10, b"y" * 100 + b"\ntwo\n"):
        chunk = recorder.write(data)
        if live:
            script.live(*chunk)
    serve(script, recorder)
    while script.low is not None:
        script.older()
        serve(script, recorder)
    tape = script.tape
    kept = [tape.row(number) for number in range(tape.first, tape.end)]
    assert all(len(row.text) <= LONGEST for row in kept) and len(kept) > 10
    assert [row.part for row in kept] == [False, False, *[True] * (len(kept) - 3), False]
    assert len(tape) - tape.parts == 3 and {row.line for row in kept[1:-1]} == {1}
    assert "".join(row.text for row in kept[1:-1]) == "x" * (10 << 16) + "y" * 100


def test_elsewhere_than_at_the_end_live_output_is_counted() -> None:
    recorder = Recorder(page=2)
    for number in range(9):
        recorder.write(b"%d\n" % number)
    script = Transcript(SCOPE)
    serve(script, recorder)
    script.to_start()
    serve(script, recorder)
    assert rows(script) == ["0", "1"] and script.low is None
    script.live(*recorder.write(b"9\n10\n"))
    assert script.unseen == 2 and rows(script) == ["0", "1"]
    script.to_end()
    serve(script, recorder)
    assert rows(script)[-1] == "10" and script.unseen == 0


def test_one_goes_to_a_time_and_on_from_there_both_ways() -> None:
    recorder = Recorder(page=2)
    for number in range(9):
        recorder.write(b"%d\n" % number)
    script = Transcript(SCOPE)
    script.to_moment(1005.0)
    serve(script, recorder)
    assert rows(script) == ["4", "5"]
    script.older()
    script.newer()
    serve(script, recorder)
    assert rows(script) == ["2", "3", "4", "5", "6", "7"]


def test_output_of_other_tasks_and_files_is_none_of_ours() -> None:
    recorder = Recorder()
    script = Transcript(Scope("w", "r", "t", 2))
    serve(script, recorder)
    assert not script.live(*recorder.write(b"no\n", n=1))
    assert not script.live(*recorder.write(b"no\n", task="u", n=2))
    assert not script.live(*recorder.write(b"no\n", run="s", n=2))
    assert script.live(*recorder.write(b"yes\n", n=2))
    assert rows(script, n=2) == ["yes"]


def test_an_answer_that_comes_too_late_changes_nothing() -> None:
    recorder = Recorder()
    recorder.write(b"one\n")
    script = Transcript(SCOPE)
    (late,) = script.asks()
    script.to_moment(0.0)
    script.answer(late, recorder.answer(late.request))
    assert not script.loaded
    serve(script, recorder)
    assert rows(script) == ["one"]


def test_the_tape_is_bounded_in_rows_and_in_characters() -> None:
    recorder = Recorder()
    script = Transcript(SCOPE, Tape(rows=1000, size=10_000))
    serve(script, recorder)
    for number in range(3000):
        script.live(*recorder.write(b"%d\n" % number))
    assert 900 <= len(script.tape) <= 1020 and rows(script)[-1] == "2999"
    for _ in range(40):
        script.live(*recorder.write(b"y" * 999 + b"\n"))
    assert script.tape.size <= 10_200


def test_what_somebody_reads_stays_when_the_tape_is_full() -> None:
    recorder = Recorder()
    script = Transcript(SCOPE, Tape(rows=100))
    serve(script, recorder)
    for number in range(100):
        script.live(*recorder.write(b"%d\n" % number))
    script.hold = True
    for number in range(100, 300):
        script.live(*recorder.write(b"%d\n" % number))
        serve(script, recorder)
    assert rows(script) == [str(number) for number in range(100)] and script.unseen == 200
    script.newer()
    serve(script, recorder)
    assert rows(script)[-1] == "104"
    script.to_end()
    serve(script, recorder)
    assert rows(script)[-1] == "299" and script.at_end
