"""All checks of a daemon, one after another, into a report. A check that gets no answer fails and
the next one begins anew."""

from __future__ import annotations

from collections.abc import Callable

import zmq

from cdktr_common.errors import BAD_SETTINGS, Unreachable
from cdktr_common.sockets import BindError
from cdktr_conform.report import Line, Report, worded
from cdktr_conform.server import asking, frames, pages, queries, record
from cdktr_conform.server.bench import EVENT, PATIENCE_S, Bench, Check, Silent, Skip

CHECKS: tuple[Check, ...] = (
    *frames.CHECKS, *asking.CHECKS, *record.CHECKS, *pages.CHECKS,
    *queries.CHECKS,
)  # fmt: skip


def examine(endpoint: str, told: Callable[[Line], None]) -> Report:
    """The report on the daemon there; `told` hears each line at once. Raises Unreachable, and
    BindError when nobody could be at such an address."""
    try:
        bench = Bench(endpoint)
    except Silent:
        raise Unreachable(endpoint, PATIENCE_S) from None
    except zmq.ZMQError as fault:
        text = f"cannot connect to {endpoint}: {zmq.strerror(fault.errno or 0)}"
        raise BindError(text, BAD_SETTINGS) from None
    program = f"{bench.welcome.get('program')} {bench.welcome.get('version')}"
    report = Report(subject=f"{program} at {endpoint}", lines=[])
    if not bench.recorder:
        _look_for_listeners(bench)
    for check in CHECKS:
        if check.of in ("any", "recorder" if bench.recorder else "principal"):
            line = _line(bench, check)
            report.lines.append(line)
            told(line)
    if bench.fired:
        report.notes.append(
            f"left behind: at most {bench.fired} events named {EVENT} in the record, with keys "
            f"that begin with {bench.mark}; no run"
        )
    bench.close()
    return report


def _look_for_listeners(bench: Bench) -> None:
    """Nothing is to be started by events that only check."""
    listening = asking.listeners(bench)
    if listening:
        bench.busy_with = f"events named {EVENT} would start {worded(listening)}"


def _line(bench: Bench, check: Check) -> Line:
    line = Line(check.clause, check.what)
    try:
        check.run(bench, line)
    except Skip as reason:
        line.skip(str(reason))
    except Silent as silence:
        line.expect(False, f"an answer within {PATIENCE_S:g} s", silence.sent, "nothing")
    except (KeyError, TypeError, ValueError, zmq.ZMQError) as fault:
        line.expect(
            False, "an answer that has the form of one", "", f"{type(fault).__name__}: {fault}"
        )
    return line
