"""What an expression may speak of at its place, and what is wrong when it speaks of other things.

Pure; knows nothing of values, or of the library that evaluates.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from cdktr_common.catalogue.values import Param


class TaskNames(NamedTuple):
    """What is known of a task: the outputs it declares (None: it may write any), and whether it is
    a group, which has lists."""

    outputs: list[str] | None = None
    group: bool = False


@dataclass(frozen=True, kw_only=True)
class Names:
    """What a place may speak of. `loop` are the variables of the groups around it; `run` and
    `event` say whether these roots are there. `secrets` are the declared ones, and `sealed` whether
    one may stand at this place. `upstream` are the tasks that are over by then; None: all."""

    params: Mapping[str, Param] = field(default_factory=dict)
    tasks: Mapping[str, TaskNames] = field(default_factory=dict)
    loop: tuple[str, ...] = ()
    run: bool = True
    event: bool = True
    secrets: Mapping[str, str] = field(default_factory=dict)
    sealed: bool = False
    upstream: Collection[str] | None = None


class Problem(NamedTuple):
    """One thing wrong in an expression, or in a text with expressions, at an offset of it."""

    offset: int
    what: str
    hint: str = ""
