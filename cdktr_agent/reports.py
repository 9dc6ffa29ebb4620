"""Results on their way to the principal: told until each was answered, never more at once than a
server takes. Pure."""

from __future__ import annotations

from typing import Final

from cdktr_agent import local
from cdktr_common.catalogue import Request
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.values import TaskResult

MOST: Final = 2000
"""Results in one report, to stay far from the largest message there may be."""

LARGEST: Final = 1 << 20
"""Bytes of what they gave, in one report of several."""


class Reports:
    """For one agent. `results` are those that are not answered."""

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self.results: dict[str, TaskResult] = {}
        self._open: set[str] = set()

    def next(self, boot: str) -> list[p.TaskReport]:
        """What is to be reported now."""
        if len(self.results) == len(self._open):
            return []
        reports: list[p.TaskReport] = []
        part: list[TaskResult] = []
        size = 0
        for token, result in self.results.items():
            if token in self._open:
                continue
            self._open.add(token)
            given = _size(result)
            if part and (len(part) == MOST or size + given > LARGEST):
                reports.append(p.TaskReport(agent=self._agent, boot=boot, results=part))
                part, size = [], 0
            part.append(result)
            size += given
        reports.append(p.TaskReport(agent=self._agent, boot=boot, results=part))
        return reports

    def close(self, request: Request) -> None:
        """It was answered, or will not be."""
        if isinstance(request, p.TaskReport):
            self._open.difference_update(result.token for result in request.results)

    def reset(self) -> None:
        """All are to be told again."""
        self._open.clear()

    def forget(self, tokens: list[str]) -> list[local.Ack]:
        """These are recorded."""
        known = [token for token in tokens if self.results.pop(token, None) is not None]
        return [local.Ack(known)] if known else []


def _size(result: TaskResult) -> int:
    """About how many bytes its outputs take; text may become six times as long on the wire."""
    size = len(result.result or "") * 6
    return size + len(repr(result.outputs)) * 6 if result.outputs else size
