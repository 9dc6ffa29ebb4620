"""Workflows as pictures meet them: a few by name, and any."""

from __future__ import annotations

import random

from hypothesis import strategies as some

ETL = {
    "extract": [], "clean": ["extract"], "validate": ["extract"], "load": ["clean", "validate"],
    "report": ["load"], "notify": ["load"],
}  # fmt: skip
TANGLE = {"a": [], "b": [], "c": [], "x": ["a", "b"], "y": ["b", "c"], "z": ["a", "c"]}
LONG = {
    "a": [], "b": ["a"], "c": ["b"], "d": ["c"], "e": ["a", "d"], "f": ["a"], "g": ["b", "e", "f"],
}  # fmt: skip
FAN = {
    "start": [],
    **{f"part-{n}": ["start"] for n in range(8)},
    "end": [f"part-{n}" for n in range(8)],
}


def drawn_by_lot(tasks: int, most: int, seed: int) -> dict[str, list[str]]:
    """The same for the same numbers."""
    lot = random.Random(seed)
    return {
        f"n{n}": lot.sample(
            [f"n{m}" for m in range(max(0, n - 12), n)], min(n, lot.randint(0, most))
        )
        for n in range(tasks)
    }


SHAPES: dict[str, dict[str, list[str]]] = {
    "etl": ETL, "tangle": TANGLE, "long": LONG, "fan": FAN, "fifteen": drawn_by_lot(15, 2, 3),
    "sixty": drawn_by_lot(60, 3, 1),
    "wide names": {"清洗": [], "naïve": ["清洗"], "🚀 load": ["清洗"]},
    "one": {"only": []}, "apart": {"a": [], "b": [], "c": ["a"], "d": []},
}  # fmt: skip


@some.composite
def dags(draw: some.DrawFn, most: int = 14) -> dict[str, list[str]]:
    """Tasks in any order, each needing any of those that are before it in another."""
    count = draw(some.integers(0, most))
    names = [f"t{n}" for n in range(count)]
    needs = {
        name: draw(some.lists(some.sampled_from(names[:n]), unique=True, max_size=4)) if n else []
        for n, name in enumerate(names)
    }
    return {name: needs[name] for name in draw(some.permutations(names))}


@some.composite
def anything(draw: some.DrawFn) -> dict[str, list[str]]:
    """What no loader lets through: circles, tasks that do not exist or need themselves."""
    names = [f"t{n}" for n in range(draw(some.integers(0, 8)))]
    return {name: draw(some.lists(some.sampled_from([*names, "?"]))) for name in names}
