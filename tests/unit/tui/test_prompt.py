"""What is asked in the line at the foot: edited as in a shell, answered by no accident."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cdktr_tui.draw.line import line, plain, width
from cdktr_tui.keys import KEYS
from cdktr_tui.widgets.footer import hints
from cdktr_tui.widgets.prompt import Edit, Note, Prompt, Question

KEYS_OF_TEXT = (
    "left", "right", "home", "end", "backspace", "delete", "ctrl+a", "ctrl+e", "ctrl+k", "ctrl+u",
    "ctrl+w", "ctrl+b", "ctrl+f", "ctrl+d",
)  # fmt: skip


def type_in(prompt: Prompt | Question, text: str) -> None:
    for letter in text:
        prompt.key(letter, letter)


def test_a_text_is_edited_as_in_a_shell() -> None:
    edit = Edit("run etl-orders")
    edit.key("ctrl+w", None)
    assert edit.text == "run "
    edit.key("home", None)
    edit.key("x", "x")
    assert (edit.text, edit.cursor) == ("xrun ", 1)
    edit.key("ctrl+k", None)
    assert edit.text == "x"
    assert not edit.key("f5", None)


@given(st.lists(st.sampled_from(KEYS_OF_TEXT) | st.characters(codec="utf-8")), st.integers(1, 30))
def test_the_cursor_is_always_in_the_text_and_always_seen(keys: list[str], cells: int) -> None:
    edit = Edit()
    for key in keys:
        edit.key(key, key if len(key) == 1 else None)
        assert 0 <= edit.cursor <= len(edit.text)
    drawn = edit.drawn(max(2, cells))
    assert width(drawn) == max(2, cells)
    assert any(style == "reverse" for _, style in drawn)


def test_enter_gives_the_text_and_esc_gives_nothing() -> None:
    given_texts: list[str | None] = []
    history: list[str] = []
    first = Prompt(":", given_texts.append, history=history)
    type_in(first, " run etl ")
    first.key("enter", "\r")
    second = Prompt(
        ":", given_texts.append, history=history, dropped=lambda: given_texts.append(None)
    )
    type_in(second, "quit")
    second.key("escape", "\x1b")
    assert first.over and second.over
    assert given_texts == ["run etl", None]
    assert history == ["run etl"]


def test_what_is_wrong_keeps_the_line_open_and_is_told_beside_it() -> None:
    prompt = Prompt(":", lambda text: f"there is no '{text}'")
    type_in(prompt, "rnu")
    prompt.key("enter", None)
    assert not prompt.over
    assert plain(prompt.drawn(40)).rstrip().endswith("there is no 'rnu'")
    assert width(prompt.drawn(40)) == 40


def test_a_filter_is_told_as_it_is_typed() -> None:
    told: list[str] = []

    def changed(text: str) -> Note | None:
        told.append(text)
        return (f"{len(text)} match", "dim")

    prompt = Prompt("/", lambda text: None, changed=changed)
    type_in(prompt, "ab")
    assert told == ["a", "ab"]
    assert plain(prompt.drawn(30)).endswith("  2 match")


def test_tab_goes_through_what_it_could_become() -> None:
    words = ["run etl", "run report", "runs"]

    def complete(text: str) -> list[str]:
        return [word for word in words if word.startswith(text)]

    prompt = Prompt(":", lambda text: None, complete=complete)
    type_in(prompt, "run")
    assert plain(prompt.drawn(20)).rstrip() == ":run etl"
    for expected in ("run etl", "run report", "runs", "run etl"):
        prompt.key("tab", "\t")
        assert prompt.text == expected
    prompt.key("shift+tab", None)
    assert prompt.text == "runs"


def test_up_brings_back_what_was_typed_before_and_down_what_was_being_typed() -> None:
    prompt = Prompt(":", lambda text: None, history=["one", "two"])
    type_in(prompt, "th")
    seen = []
    for key in ("up", "up", "up", "down", "down", "down"):
        prompt.key(key, None)
        seen.append(prompt.text)
    assert seen == ["two", "one", "one", "two", "th", "th"]


def test_a_paste_is_one_line_that_steers_no_terminal() -> None:
    prompt = Prompt("/", lambda text: None)
    prompt.paste("a\x1b]0;title\x07b\nc\x9b31md\n")
    assert prompt.text == "ab cd"


def test_only_the_letter_that_is_named_answers_a_question() -> None:
    for key, character, said in (
        ("y", "y", ["yes"]), ("n", "n", ["no"]), ("enter", "\r", ["no"]), ("escape", None, ["no"]),
        ("Y", "Y", ["no"]), ("space", " ", ["no"]),
    ):  # fmt: skip
        answers: list[str] = []

        def yes(answers: list[str] = answers) -> None:
            answers.append("yes")

        def no(answers: list[str] = answers) -> None:
            answers.append("no")

        asked = line("cancel etl k3f9? its 2 running tasks are stopped")
        question = Question(asked, {"y": ("cancel", yes)}, no)
        assert "y cancel" in plain(question.drawn(80)) and "esc leave" in plain(question.drawn(40))
        question.key(key, character)
        assert question.over and answers == said


def test_hints_that_do_not_fit_are_left_out_but_never_that_of_the_help() -> None:
    ids = ("act.run", "act.cancel", "act.retry", "act.pause", "row.open", "act.logs")
    for cells in range(8, 100):
        drawn, found = hints(ids, KEYS, cells, denied=False)
        assert width(drawn) <= cells and found[-1].key == "?"
        text = plain(drawn)
        assert all(text[hint.first :].startswith(hint.key) for hint in found)
    assert plain(hints(ids, KEYS, 80, False)[0]) == (
        " r run  c cancel  R retry  p pause  enter open  l logs  ? help"
    )


def test_keys_that_change_something_are_dim_where_nothing_may_be_changed() -> None:
    drawn, _ = hints(("act.run", "act.logs"), KEYS, 80, denied=True)
    styles = {text.strip(): style for text, style in drawn if text.strip()}
    assert styles["run"] == "dim" and styles["r"] == "dim" and styles["l"] == "key"
