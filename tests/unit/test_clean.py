"""Text from outside cannot steer a terminal, whatever it is."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_common import clean
from tests.hostile.corpus import CASES, HUGE, WORD, leaks

PIECES = st.one_of(
    st.text(max_size=8),
    st.sampled_from(sorted(CASES.values())),
    st.sampled_from(["\x1b", "\x1b[", "31", "m", ";", "]", "\x07", "\x9b", "\t", "\r", "\n", "漢"]),
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=8).map("".join)


@pytest.mark.parametrize("case", CASES)
def test_no_case_of_the_corpus_passes(case: str) -> None:
    shown = clean.line(CASES[case])
    assert clean.is_clean(shown) and not leaks(shown.encode()) and WORD in shown


@pytest.mark.parametrize("case", HUGE)
def test_a_huge_line_is_cut_and_costs_little(case: str) -> None:
    began = time.process_time()
    shown, spans = clean.line(HUGE[case]), clean.styled(HUGE[case])
    assert time.process_time() - began < 0.5
    assert clean.cells(shown) <= clean.MOST and shown.startswith(WORD)
    assert clean.cells("".join(text for text, _ in spans)) <= clean.MOST


@given(TEXTS, st.integers(1, 40))
def test_what_comes_out_is_clean_fits_and_is_left_alone_the_second_time(
    text: str, most: int
) -> None:
    shown = clean.line(text, most)
    assert clean.is_clean(shown) and clean.cells(shown) <= most
    assert clean.line(shown, most) == shown
    spans = clean.styled(text, most)
    assert all(clean.is_clean(part) for part, _ in spans)
    assert clean.cells("".join(part for part, _ in spans)) <= most


@given(TEXTS)
def test_several_lines_stay_several_lines(text: str) -> None:
    shown = clean.text(text)
    assert shown.count("\n") == text.count("\n")
    assert all(clean.is_clean(one) for one in shown.split("\n"))


def test_plain_text_is_given_back_itself() -> None:
    text = "nothing to see here"
    assert clean.line(text) is text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mred\x1b[0m b", "ared b"),
        ("done\r\n", "done"),
        ("10%\r20%", "10%·20%"),
        ("a\tb", "a       b"),
        ("\x1b]0;title", "0;title"),
        ("\x1b]0;title\x07after", "after"),
        ("\u202eabc", "·abc"),
        ("e" + "\u0301" * 9, "e" + "\u0301" * 4),
        ("🧑\u200d🚀", "🧑🚀"),
        ("\ud83d", "\ufffd"),
    ],
)  # fmt: skip
def test_what_is_dropped_and_what_is_shown(text: str, shown: str) -> None:
    assert clean.line(text) == shown


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("\x1b[1;31mbad\x1b[0m ok", (("bad", "fg1 bold"), (" ok", ""))),
        ("\x1b[93;101mx\x1b[39mx\x1b[49mx", (("x", "fg11 bg9"), ("x", "bg9"), ("x", ""))),
        ("\x1b[38;5;214mx\x1b[48;2;1;2;3my", (("x", "fg214"), ("y", "fg214 bg#010203"))),
        ("\x1b[38:2::255:136:0mx\x1b[mx", (("x", "fg#ff8800"), ("x", ""))),
        ("\x1b[8mhidden\x1b[38;5mx", (("hiddenx", ""),)),
        ("\x1b[2Kone\x1b[31m\x1b[39mtwo", (("onetwo", ""),)),
        ("ab\x1b[32m\tc", (("ab", ""), ("      c", "fg2"))),
        ("\x1b[58;5;1mx", (("x", ""),)),
        ("\x1b[58;2;1;3;7;31mx", (("x", "fg1"),)),
        ("\x1b[58:5:1;31mx\x1b[58:2::1:3:4my", (("xy", "fg1"),)),
        ("\x1b[4:3mx\x1b[4:0my\x1b[4:0;31mz", (("x", "underline"), ("y", ""), ("z", "fg1"))),
        ("\x1b[31:1mx\x1b[38:5mx\x1b[1:38:5:1mx", (("xxx", ""),)),
        ("\x1b[38:5:1;1mx\x1b[0;48:2:1:2:3;3mx", (("x", "fg1 bold"), ("x", "bg#010203 italic"))),
    ],
)
def test_colours_become_names(text: str, spans: clean.Line) -> None:
    assert clean.styled(text) == spans


@pytest.mark.parametrize(
    "codes",
    ["30;40", "97;107", "7;31;41", "38;5;16;40", "38;2;0;0;0;48;5;16", "38;2;9;9;9;48;2;0;0;0",
     "38;5;196;48;2;255;0;0", "8;31;41"],
)  # fmt: skip
def test_ink_on_a_ground_of_its_colour_is_seen(codes: str) -> None:
    ((text, style),) = clean.styled(f"\x1b[{codes}mhidden")
    assert text == "hidden" and "bg" not in style


def test_a_line_is_cut_where_its_cells_end_and_the_cut_is_seen() -> None:
    assert clean.line("漢字漢字", 5) == "漢字…"
    assert clean.styled("\x1b[31mabc\x1b[32mdef", 5) == (("abc", "fg1"), ("d…", "fg2"))


@given(st.text())
def test_json_means_the_same_and_steers_nothing(text: str) -> None:
    shown = clean.json(json.dumps({text: [text]}, ensure_ascii=False, indent=1))
    assert json.loads(shown) == {text: [text]}
    assert clean.is_clean(shown.replace("\n", ""))


@pytest.mark.parametrize(
    ("style", "code"),
    [
        ("", ""),
        ("fg1 bold", "\x1b[31;1m"),
        ("fg2 bg9", "\x1b[32;48;5;9m"),
        ("fg#ff8800", "\x1b[38;2;255;136;0m"),
    ],
)
def test_a_style_can_be_said_anew(style: str, code: str) -> None:
    assert clean.sgr(style) == code
    assert not code or clean.styled(f"{code}x") == (("x", style),)
