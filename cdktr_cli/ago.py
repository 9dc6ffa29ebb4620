"""Points in time that have been, as options give them: so long ago, or when."""

from __future__ import annotations

from cdktr_common import cli
from cdktr_common.errors import USAGE


def since(
    program: str, args: cli.Args, option: str, now: float, *, only_long: bool = False
) -> float | None:
    """UTC epoch seconds of `24h` (so long ago) or, unless `only_long`, of a point in time; None: it
    was not given."""
    word = args[option]
    if word is None:
        return None
    from cdktr_common.durations import seconds
    from cdktr_common.moments import moment

    try:
        return now - seconds(word)
    except ValueError as fault:
        if only_long:
            cli.fail(program, f"{option}: {fault}", USAGE)
    try:
        return moment(word, now, past=True)
    except ValueError as fault:
        cli.fail(program, f"{option}: {fault}; or 30m for 30 minutes ago", USAGE)
