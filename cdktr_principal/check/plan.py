"""`cdktr-check --plan`: words of the command line to a dry run, its lines to the terminal."""

from __future__ import annotations

import json
import sys
from typing import Any

from cdktr_common import cli
from cdktr_common.catalogue.values import Plan
from cdktr_common.errors import INVALID, OK, ProtocolError
from cdktr_common.errors import USAGE as WRONG_USAGE
from cdktr_principal.check.dryrun import dry_run
from cdktr_principal.check.files import Checked, plain
from cdktr_principal.check.report import refused
from cdktr_principal.language.listening import heard
from cdktr_principal.requests.params import check_params
from cdktr_principal.state.listening import is_glob

PROGRAM = "cdktr-check"


def show(checked: Checked, words: list[str], event: str | None) -> int:
    """Print what a run of the file would do. Returns the exit code."""
    if checked.faults:
        return refused(checked)
    plan = checked.good[0].plan
    given = dict(_param(word) for word in words)
    try:
        params = check_params(plan, given)
    except ProtocolError as fault:
        print(f"{PROGRAM}: {plain(fault.detail)}", file=sys.stderr)
        return INVALID
    for line in dry_run(plan, params, _event(event, plan) if event is not None else None):
        print(plain(line))
    return OK


def _param(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not name or not equals:
        cli.fail(PROGRAM, f"-p takes NAME=VALUE, not '{word[:80]}'", WRONG_USAGE)
    return name, value


def _event(word: str, plan: Plan) -> dict[str, Any]:
    """`NAME`, `NAME=JSON`, or an object with `name` and `payload`."""
    name, equals, text = word.partition("=")
    whole = word.lstrip().startswith("{")
    try:
        value: Any = json.loads(word if whole else text) if whole or equals else None
    except (ValueError, RecursionError) as fault:
        cli.fail(PROGRAM, f"--event: not JSON: {fault}", WRONG_USAGE)
    if not whole:
        return {"name": name, "payload": value}
    if value.keys() - {"name", "payload"}:
        cli.fail(PROGRAM, "--event takes an object with name and payload", WRONG_USAGE)
    first = next((event for event in heard(plan) if not is_glob(event)), None)
    return {"name": value.get("name", first), "payload": value.get("payload")}
