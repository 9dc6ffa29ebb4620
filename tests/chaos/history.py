"""All that a campaign has left behind, put in order for the judge: facts by task, the ledger by
task, the stored output by attempt. It collects and judges nothing."""

from __future__ import annotations

import base64
import json
import zlib
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cdktr_common.catalogue.logd import HistoryList, HistoryPage, LogPage, LogQuery
from cdktr_common.client import Client
from tests.chaos.clients import Operation
from tests.chaos.ledger import Execution, Ledger
from tests.chaos.nemesis import Injected

Fact = dict[str, Any]
Task = tuple[str, str]
Stream = tuple[str, str, int, str]


class History:
    """See the module text."""

    def __init__(self, facts: list[Fact], ledger: Ledger) -> None:
        self.facts = facts
        self.runs: dict[str, Fact] = {}
        self.ended: dict[str, Fact] = {}
        self.attempts: dict[Task, dict[int, list[Fact]]] = defaultdict(lambda: defaultdict(list))
        self.accepted: dict[Task, list[Fact]] = defaultdict(list)
        for fact in facts:
            self._take(fact)
        self.executions: dict[Task, list[Execution]] = defaultdict(list)
        self.keys: dict[str, set[str]] = defaultdict(set)
        for execution in ledger.executions():
            self.executions[execution.name].append(execution)
            self.keys[execution.start.key].add(execution.start.run)
        self.operations: list[Operation] = []
        self.injected: list[Injected] = []
        self.cancelled: set[str] = set()
        self.output: dict[Stream, bytes] = {}
        self.torn: dict[Stream, str] = {}
        self.recorded: dict[str, str] = {}

    def _take(self, fact: Fact) -> None:
        kind = fact["type"]
        if kind == "run.created":
            self.runs[fact["run"]] = fact
        elif kind == "run.ended":
            self.ended[fact["run"]] = fact
        elif kind.startswith("task.") and fact.get("n"):
            self.attempts[fact["run"], fact["task"]][fact["n"]].append(fact)
        if kind == "task.ended" and fact.get("n"):
            self.accepted[fact["run"], fact["task"]].append(fact)

    def losses(self, run: str) -> list[int]:
        """How many attempts each task of a run has lost."""
        return [
            sum(fact["type"] == "task.crashed" for facts in tries.values() for fact in facts)
            for (of, _), tries in self.attempts.items()
            if of == run
        ] or [0]

    def workflow(self, run: str) -> str:
        """The workflow of a run."""
        return str(self.runs[run]["workflow"])

    def story(self, run: str) -> list[str]:
        """The run as the journal and the ledger tell it."""
        lines = []
        for fact in self.facts:
            if fact.get("run") == run or run in fact.get("runs", ()):
                shown = {k: v for k, v in fact.items() if k not in ("plan", "digest", "prev")}
                lines.append(json.dumps(shown))
        for (of, _), executions in self.executions.items():
            if of == run:
                lines += [f"ledger: {execution.start.task} {execution}" for execution in executions]
        return lines

    # What the recorder has

    def collect(self, client: Callable[[], Client]) -> None:
        """All stored output and all recorded runs."""
        parts: dict[Stream, list[bytes]] = defaultdict(list)
        sizes: dict[Stream, int] = defaultdict(int)
        with client() as recorder:
            after: int | None = 0
            while after is not None:
                page = recorder.ask(LogQuery(after=after, limit=1000), LogPage, timeout_s=60)
                for chunk in page.chunks:
                    stream = (chunk.run, chunk.task, chunk.n, chunk.stream)
                    if chunk.offset != sizes[stream]:
                        self.torn[stream] = f"{chunk.offset} follows {sizes[stream]}"
                    text = chunk.text
                    data = text.encode() if text is not None else base64.b64decode(chunk.b64 or "")
                    parts[stream].append(data)
                    sizes[stream] = chunk.offset + len(data)
                after = page.next
            self._collect_runs(recorder)
        self.output = {stream: b"".join(data) for stream, data in parts.items()}

    def _collect_runs(self, recorder: Client) -> None:
        before: int | None = None
        while True:
            request = HistoryList(table="runs", limit=500, before=before)
            page = recorder.ask(request, HistoryPage, timeout_s=60)
            run, state = page.columns.index("run"), page.columns.index("state")
            self.recorded.update({row[run]: row[state] for row in page.rows})
            before = page.next
            if before is None:
                return


def read_journal(directory: Path) -> tuple[list[Fact], list[str]]:
    """The facts of a journal, read without CDKTR's help, and what is wrong with it."""
    facts: list[Fact] = []
    wrong = []
    for file in sorted(directory.glob("*.jsonl")):
        for number, line in enumerate(file.read_bytes().split(b"\n")[:-1], 1):
            crc, _, rest = line.partition(b",")
            if crc[:5] not in (b'{"crc', b'{"crm') or crc[5:] != b'":"%08x"' % zlib.crc32(rest):
                wrong.append(f"{file.name}:{number}: wrong checksum")
                continue
            facts.append(json.loads(b"{" + rest))
            if facts[-1]["seq"] != len(facts):
                wrong.append(f"{file.name}:{number}: fact {facts[-1]['seq']} as {len(facts)}th")
    return facts, wrong[:20]
