"""What a task has left for others in its directory, brought in once it has ended.

Outputs and result as `outputs` understands them; secrets are struck out. What cannot be understood,
and what was promised and is missing, is a failure with the code `INVALID`.
"""

from __future__ import annotations

from cdktr_agent import outputs
from cdktr_agent.attempt import Attempt
from cdktr_agent.outcome import INVALID, end_of
from cdktr_agent.places import OUTPUT, PROGRESS, RESULT, Place


def gather(attempt: Attempt) -> None:
    """Take what the task itself wrote; the first time counts."""
    if attempt.gathered:
        return
    attempt.gathered = True
    fault = ""
    place = attempt.place
    if place is not None and not place.untouched():
        try:
            _read(attempt)
        except outputs.BadOutput as bad:
            fault = str(bad)
    if place is not None and attempt.course is not None:
        place.clean = False  # steps may follow
    if attempt.captured is not None and attempt.result is None and attempt.main_ran:
        _take_stdout(attempt)
    code = end_of(attempt.status)[0] if attempt.course is None else attempt.course.code
    if attempt.spec.outputs and not code and not fault:
        fault = outputs.missing(attempt.spec.outputs, attempt.outputs)
    if attempt.secrets is not None:
        attempt.outputs = attempt.secrets.value(attempt.outputs)
        if attempt.result is not None:
            attempt.result = attempt.secrets.struck(attempt.result)
    if fault:
        if attempt.course is not None:
            attempt.course.fail(INVALID, fault)
        else:
            attempt.fault = fault


def _read(attempt: Attempt) -> None:
    place = attempt.place
    assert place is not None
    given = _contents(place, RESULT, "TORK_OUTPUT")
    if given is not None:
        attempt.result = outputs.result(given, "TORK_OUTPUT")
    given = _contents(place, OUTPUT, "CDKTR_OUTPUT")
    if given is not None:
        attempt.outputs = outputs.parse(given)


def _contents(place: Place, name: str, what: str) -> bytes | None:
    try:
        return place.read(name, outputs.MOST)
    except OSError as fault:
        raise outputs.BadOutput(f"{what}: {fault.strerror}") from None


def _take_stdout(attempt: Attempt) -> None:
    assert attempt.captured is not None
    data = bytes(attempt.captured).removesuffix(b"\n")
    try:
        attempt.result = outputs.result(data, "stdout")
    except outputs.BadOutput as bad:
        attempt.notes.append(f"no result: {bad}")


def progress(attempt: Attempt) -> float | None:
    """How far it says it has come, when that is news."""
    place = attempt.place
    try:
        given = place.read(PROGRESS, 64) if place is not None else None
    except OSError:
        return None
    number = outputs.progress(given[:64]) if given else None
    if number is None or number == attempt.progress:
        return None
    attempt.progress = number
    return number
