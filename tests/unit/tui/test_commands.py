"""The command line: what a line means, what is wrong with it, what it could become."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_tui.acting.commands import FORMS, Command, Names, best, complete, fits, read

NAMES = Names(
    workflow=("etl-orders", "etl-stock", "report"),
    run=("k3f9x2mq7a", "k3aa000000", "m2c4e6g8h0"),
    agent=("box1", "db-1"),
    principal=("prod", "lab"),
    theme=("cdktr-dark", "cdktr-light"),
)


@pytest.mark.parametrize(
    "line, does, object, rest",
    [
        ("q", "quit", "", ""),
        (":quit", "quit", "", ""),
        ("42", "goto", "42", ""),
        ("runs state:failed since:24h", "view", "", "state:failed since:24h"),
        ("run report day=monday rows=10", "act", "report", "day=monday rows=10"),
        ("run rep", "act", "report", ""),
        ("cancel k3f", "act", "k3f9x2mq7a", ""),
        ("explain k3f9/load", "act", "k3f9x2mq7a/load", ""),
        ("logs last", "act", "last", ""),
        ("select workflow from runs", "view", "", "select workflow from runs"),
        ("theme cdktr-l", "theme", "cdktr-light", ""),
        ("@ lab", "principal", "lab", ""),
        ("res", "", "", ""),
    ],
)
def test_a_line_means_one_thing(line: str, does: str, object: str, rest: str) -> None:
    command = read(line, NAMES)
    if not does:
        assert isinstance(command, str)
        return
    assert isinstance(command, Command)
    assert (command.form.does, command.object, command.rest) == (does, object, rest)


@pytest.mark.parametrize(
    "line, said",
    [
        ("rnus", "there is no command 'rnus'; runs?"),
        ("run", "run what? name a workflow"),
        ("run etl", "'etl' fits 2: etl-orders, etl-stock"),
        ("run reprot", "there is no workflow 'reprot'; report?"),
        ("drain box2", "there is no agent 'box2'; box1?"),
        ("quit now", "quit takes nothing"),
    ],
)
def test_what_is_wrong_with_a_line_is_told_with_the_nearest(line: str, said: str) -> None:
    assert read(line, NAMES) == said


def test_what_may_be_known_to_the_principal_alone_is_left_to_it() -> None:
    command = read("run nightly", NAMES._replace(part=frozenset({"workflow"})))
    assert isinstance(command, Command) and command.object == "nightly"


def test_a_line_is_completed_by_commands_and_by_names_of_the_kind_that_they_take() -> None:
    assert complete("pri", NAMES) == ["principals", "principal "]
    assert complete("run etl", NAMES) == ["run etl-stock", "run etl-orders"]
    assert complete("run ", NAMES) == ["run etl-orders", "run etl-stock", "run report"]
    assert complete("cancel k3", NAMES) == ["cancel k3f9x2mq7a", "cancel k3aa000000"]
    assert complete("runs sta", NAMES) == []


def test_what_begins_so_is_nearer_than_what_holds_it_and_that_than_its_letters() -> None:
    assert best("st", ["lost", "etl-stock", "stat", "s-t"]) == ["stat", "etl-stock", "lost", "s-t"]
    assert fits("xyz", "etl") is None


@given(st.text(max_size=40))
def test_no_line_is_a_crash_and_every_completion_begins_a_command(text: str) -> None:
    assert isinstance(read(text, NAMES), Command | str)
    for line in complete(text, NAMES):
        assert isinstance(read(line, NAMES), Command | str)


def test_every_command_says_what_it_does() -> None:
    assert all(form.help and len(form.help) <= 60 for form in FORMS)
