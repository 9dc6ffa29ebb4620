"""The graph functions against random graphs and against a second, plainer way to say the same."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_common.catalogue.values import Plan, TaskPlan
from cdktr_principal.state import dag

Edges = list[tuple[str, list[str]]]


def plan(edges: Edges) -> Plan:
    tasks = [TaskPlan(id=name, command="true", depends=depends) for name, depends in edges]
    return Plan(workflow="w", tasks=tasks)


@st.composite
def dags(draw: st.DrawFn) -> Edges:
    """Any DAG of up to 12 tasks, listed in any order."""
    count = draw(st.integers(1, 12))
    edges = [
        (f"t{at}", draw(st.lists(st.sampled_from([f"t{i}" for i in range(at)]), max_size=5)))
        if at
        else ("t0", [])
        for at in range(count)
    ]
    return draw(st.permutations(edges))


@st.composite
def digraphs(draw: st.DrawFn) -> Edges:
    """Any directed graph, cycles and loops included."""
    count = draw(st.integers(1, 8))
    names = [f"t{at}" for at in range(count)]
    return [(name, draw(st.lists(st.sampled_from(names), max_size=3))) for name in names]


def closure(edges: Edges) -> dict[str, set[str]]:
    """For each task all that it needs, directly or not: by repeating until nothing is new."""
    needs = {name: set(depends) for name, depends in edges}
    while True:
        wider = {
            name: direct.union(*(needs[needed] for needed in direct))
            for name, direct in needs.items()
        }
        if wider == needs:
            return needs
        needs = wider


@given(dags())
def test_order_has_every_task_once_after_what_it_needs(edges: Edges) -> None:
    place = {edges[at][0]: i for i, at in enumerate(dag.order(dag.graph(plan(edges))))}
    assert sorted(place) == sorted(name for name, _ in edges)
    assert all(place[needed] < place[name] for name, depends in edges for needed in depends)


@given(dags())
def test_waits_and_dependents_are_the_edges(edges: Edges) -> None:
    graph = dag.graph(plan(edges))
    assert graph.waits == [len(set(depends)) for _, depends in edges]
    assert {
        (edges[at][0], edges[dependent][0])
        for at, dependents in enumerate(graph.dependents)
        for dependent in dependents
    } == {(needed, name) for name, depends in edges for needed in depends}


@given(dags(), st.data())
def test_skipped_is_exactly_the_transitive_closure(edges: Edges, data: st.DataObject) -> None:
    failed = data.draw(st.integers(0, len(edges) - 1))
    skipped = dag.skipped_by(dag.graph(plan(edges)), failed)
    needs = closure(edges)
    assert len(skipped) == len(set(skipped))
    assert {edges[at][0] for at in skipped} == {
        name for name, needed in needs.items() if edges[failed][0] in needed
    }


@given(dags())
def test_a_wave_needs_only_earlier_waves_and_the_one_just_before(edges: Edges) -> None:
    level = {
        edges[at][0]: number
        for number, wave in enumerate(dag.waves(dag.graph(plan(edges))))
        for at in wave
    }
    for name, depends in edges:
        assert level[name] == max((level[needed] + 1 for needed in depends), default=0)


@given(digraphs())
def test_cycles_are_found_exactly_when_there_are_some(edges: Edges) -> None:
    found = [problem for problem in dag.problems(edges) if problem.kind == "cycle"]
    needs = closure(edges)
    on_a_cycle = {name for name, needed in needs.items() if name in needed}
    assert bool(found) == bool(on_a_cycle)
    direct = {name: set(depends) for name, depends in edges}
    for problem in found:
        path = problem.names
        assert path[0] == path[-1] and len(set(path)) == len(path) - 1
        assert all(needed in direct[name] for name, needed in pairwise(path))
        assert edges[problem.task][1][problem.position] == path[1]
    seen = [name for problem in found for name in problem.names[:-1]]
    assert len(seen) == len(set(seen))


def test_a_cycle_is_told_as_a_path_from_the_task_listed_first() -> None:
    edges = [("a", []), ("b", ["a", "d"]), ("c", ["b"]), ("d", ["c"]), ("e", ["d"])]
    (problem,) = dag.problems(edges)
    assert str(problem) == "cycle: b needs d needs c needs b"
    assert (problem.task, problem.position) == (1, 1)


def test_a_task_that_needs_itself() -> None:
    (problem,) = dag.problems([("a", ["a"])])
    assert str(problem) == "task 'a' depends on itself"


def test_duplicates_and_unknown_dependencies_are_told_with_their_place() -> None:
    edges = [("a", []), ("a", ["b", "x"]), ("b", ["y"])]
    assert [(p.kind, p.task, p.position, str(p)) for p in dag.problems(edges)] == [
        ("duplicate", 1, -1, "two tasks have the id 'a'"),
        ("unknown", 1, 1, "unknown dependency 'x'"),
        ("unknown", 2, 0, "unknown dependency 'y'"),
    ]


def test_problems_of_a_plan_that_came_without_a_file() -> None:
    assert dag.plan_problems(plan([("a", []), ("b", ["a"])])) == []
    assert len(dag.plan_problems(plan([("a", ["b"]), ("b", ["a"])]))) == 1


def test_a_dependency_listed_twice_counts_once() -> None:
    assert dag.graph(plan([("a", []), ("b", ["a", "a"])])) == ([0, 1], [[1], []])


@pytest.mark.parametrize("shape", ["chain", "ring", "fan"])
def test_ten_thousand_tasks_need_no_recursion(shape: str) -> None:
    count = 10_000
    if shape == "fan":
        edges: Edges = [("t0", []), *((f"t{i}", ["t0"]) for i in range(1, count))]
    else:
        edges = [(f"t{i}", [f"t{i - 1}"] if i else []) for i in range(count)]
    if shape == "ring":
        edges[0] = ("t0", [f"t{count - 1}"])
    graph = dag.graph(plan(edges))
    found = dag.problems(edges)
    assert [problem.kind for problem in found] == (["cycle"] if shape == "ring" else [])
    assert len(dag.order(graph)) == (0 if shape == "ring" else count)
    assert len(dag.skipped_by(graph, 0)) == count - 1


def test_many_small_cycles_are_told_up_to_a_limit() -> None:
    edges = [(f"t{i}", [f"t{i ^ 1}"]) for i in range(1000)]
    assert len(dag.problems(edges)) == dag.MAX_CYCLES
