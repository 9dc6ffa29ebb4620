"""What a verb comes to, for any subjects: nothing is lost, nothing is asked twice, and no change
that cannot be taken back goes without a question."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_common.catalogue.principal import AgentDrain, RunCancel, RunRetry
from cdktr_common.catalogue.values import RunMark
from cdktr_tui.acting.actions import ENDED, MAKERS, Refused, Subject, deed, done_all, its_run, which

SUBJECTS = st.builds(
    Subject,
    kind=st.sampled_from(["run", "task", "workflow", "agent", "schedule", "event"]),
    id=st.sampled_from(["a", "b", "c", "d"]),
    run=st.sampled_from(["", "r1", "r2"]),
    workflow=st.sampled_from(["", "etl", "report"]),
    task=st.sampled_from(["", "load"]),
    state=st.sampled_from(["", "RUNNING", "COMPLETED", "FAILED", "paused"]),
)


@given(
    st.sampled_from(sorted(MAKERS)), st.lists(SUBJECTS, max_size=6), st.sampled_from(["", "prod"])
)
def test_each_subject_is_acted_on_once_or_left_out_with_a_reason(
    verb: str, subjects: list[Subject], protected: str
) -> None:
    try:
        made = deed(verb, subjects, "me", protected)
    except Refused as refused:
        assert str(refused)
        return
    names = [step.name for step in made.steps]
    assert len(set(names)) == len(names) >= 1
    assert all(reason for _, reason in made.skipped)
    assert len(made.steps) + len(made.skipped) <= len(subjects)
    many, asks = len(names) > 1, made.ask
    if protected or many or verb in ("kill", "drain"):
        assert asks == "word"
        assert made.word == (protected or (str(len(names)) if many else names[0].split()[-1]))
    else:
        assert asks == ("question" if verb == "cancel" else "nothing")
    assert made.title and not made.title.endswith(" ")


@given(st.lists(SUBJECTS, min_size=1, max_size=6))
def test_what_has_ended_is_never_cancelled_and_what_runs_never_repeated(
    subjects: list[Subject],
) -> None:
    for verb, over in (("cancel", True), ("kill", True), ("retry", False), ("retry_all", False)):
        fit = {
            each.of_run
            for each in subjects
            if each.kind != "run" or not each.state or (each.state in ENDED) != over
        }
        try:
            steps = deed(verb, subjects).steps
        except Refused:
            continue
        asked = [step.request for step in steps]
        assert all(isinstance(each, RunCancel | RunRetry) for each in asked)
        assert {each.run for each in asked if isinstance(each, RunCancel | RunRetry)} <= fit


def test_who_asks_is_told_to_others() -> None:
    (step,) = deed("drain", [Subject("agent", "box1")], "oscar").steps
    assert step.request == AgentDrain(agent="box1", reason="oscar")


def test_a_key_means_the_next_step_of_what_was_done() -> None:
    one, other = Subject("run", "a"), Subject("run", "b")
    assert which("cancel", [one], {"a"}) == "kill"
    assert which("cancel", [one, other], {"a"}) == "cancel"
    paused = Subject("workflow", "etl", state="paused")
    assert which("pause", [paused], set()) == "resume"
    assert which("pause", [paused, Subject("workflow", "b")], set()) == "pause"


def test_of_a_workflow_the_run_is_meant_that_the_verb_can_be_done_to() -> None:
    marks = [
        RunMark(run=name, state=state, created_ts=0)
        for name, state in (("a", "FAILED"), ("b", "RUNNING"), ("c", "COMPLETED"))
    ]
    etl = Subject("workflow", "etl", run="c", workflow="etl")
    assert its_run("cancel", etl, marks).id == "b"
    assert its_run("retry", etl, marks[:2]).id == "a"
    assert its_run("explain", etl, marks).id == "c"
    assert its_run("pause", etl, marks) == etl
    ended = its_run("cancel", etl, marks[:1])
    with pytest.raises(Refused, match=r"a: it has ended \(failed\)"):
        deed("cancel", [ended])


def test_several_are_told_of_in_one_sentence_with_the_first_fault() -> None:
    assert done_all("drain", 3, []) == "3 drained"
    assert done_all("retry", 2, [("a", "x"), ("b", "y")]) == "2 repeated, 2 not: a: x"


@pytest.mark.parametrize("verb", sorted(MAKERS))
def test_nothing_selected_comes_to_nothing(verb: str) -> None:
    with pytest.raises(Refused, match="nothing is selected"):
        deed(verb, [])
