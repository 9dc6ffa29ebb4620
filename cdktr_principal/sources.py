"""Runs of definitions that come with the request: read in the thread, then started as a plan is.

The same request again while the first is being read is read again, and then finds its key used:
it never starts a second run. Knows nothing of how definitions are read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.base import Reply
from cdktr_common.catalogue.values import Fault
from cdktr_common.errors import ProtocolError
from cdktr_principal.decisions import triggers
from cdktr_principal.decisions.core import Core, Moment
from cdktr_principal.decisions.session import Ask
from cdktr_principal.definitions import Definitions, Read, Source
from cdktr_principal.folder import workflow_id
from cdktr_principal.language.fields import ID, MAX_PATH
from cdktr_principal.language.source import MAX_BYTES

MOST_WAITING: Final = 64
"""Definitions that wait to be read at most."""

TOLD: Final = 20
"""Faults of a definition that a refusal tells."""

ADHOC: Final = "adhoc"

Refuse = Callable[[Ask, ProtocolError], None]


class Sources:
    """`run.start`, with and without a source."""

    def __init__(self, core: Core, definitions: Definitions, refuse: Refuse) -> None:
        self._core = core
        self._definitions = definitions
        self._refuse = refuse
        self._waiting = 0

    def run_start(self, ask: Ask, request: p.RunStart, at: Moment) -> Reply | None:
        """Start at once what needs no reading."""
        if request.source is None:
            return triggers.run_start(self._core, ask, request, at)
        if request.plan is not None or request.workflow is not None:
            raise ProtocolError("bad_field", "run.start: give one of workflow, plan and source")
        if len(request.source) > MAX_BYTES:
            raise ProtocolError("too_large", f"the source has more than {MAX_BYTES:,} bytes")
        if len(request.file) > MAX_PATH:
            raise ProtocolError("bad_field", f"run.start: file has more than {MAX_PATH} characters")
        if self._waiting >= MOST_WAITING:
            raise ProtocolError("busy", f"{MOST_WAITING} definitions wait to be read already")
        self._waiting += 1
        source = Source(
            request.source, workflow_of(request.file), request.file or "source",
            request.strip_image, (ask, msgspec.structs.replace(request, source=None)),
        )  # fmt: skip
        self._definitions.read(source)
        return None

    def take(self, at: Moment) -> None:
        """Start what has been read, or tell its faults."""
        for read in self._definitions.taken_reads():
            self._waiting -= 1
            ask, request = read.about
            try:
                reply = self._start(read, ask, request, at)
            except ProtocolError as refusal:
                self._refuse(ask, refusal)
            else:
                if reply is not None:
                    self._core.answers.append((ask, reply))

    def _start(self, read: Read, ask: Ask, request: p.RunStart, at: Moment) -> Reply | None:
        if read.plan is None:
            raise ProtocolError("invalid", told(read.faults))
        planned = msgspec.structs.replace(request, plan=read.plan)
        return triggers.run_start(self._core, ask, planned, at)


def workflow_of(file: str) -> str:
    """The id of the workflow in a file of this name, wherever it lies."""
    name = workflow_id(file.rpartition("/")[2].removesuffix(".json"))
    return name if ID.fullmatch(name) else ADHOC


def told(faults: list[Fault]) -> str:
    """Faults as text, one a line."""
    lines = [
        f"{fault.file}:{fault.line}:{fault.col}: {fault.what}"
        + (f" ({fault.hint})" if fault.hint else "")
        for fault in faults[:TOLD]
    ]
    if len(faults) > TOLD:
        lines.append(f"and {len(faults) - TOLD} more")
    return "\n".join(lines)
