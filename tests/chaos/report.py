"""The table of a campaign, as markdown, and its place in a document."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

from tests.chaos import campaign as campaigns
from tests.chaos.campaign import Campaign
from tests.chaos.faults import KINDS
from tests.chaos.judge import MEASURES, Judge
from tests.chaos.nemesis import Sample

PROMISED_S = {
    ("principal", "principal serves again"): 3.0,
    ("principal", "all agents known again"): 5.0,
    ("network process killed", "agent known again"): 2.0,
    ("supervisor killed", "attempts released"): 5.0,
}
"""Beginnings of faults, what is waited for, and how long docs/reliability.md says it takes."""

BEGIN = "<!-- table: begin (written by `make chaos`) -->"
END = "<!-- table: end -->"


def table(done: Campaign, judge: Judge, command: str, took_s: float) -> str:
    """What was done, what was counted, how long it took to get over."""
    parts = [_head(done, judge, command, took_s), _counts(done, judge), _faults(done)]
    return "\n\n".join(parts)


def _head(done: Campaign, judge: Judge, command: str, took_s: float) -> str:
    checked = judge.checked
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    machine = f"{os.cpu_count()} cores, {_processor()}"
    networks = "network namespaces and small disks" if done.apart else "TCP proxies only"
    return (
        f"`{command}`, {when}, {took_s / 60:.1f} minutes in all. "
        f"{campaigns.versions()}; {machine}; {networks}.\n\n"
        f"{len(done.nemesis.injected)} faults, {checked['keys']} keys triggered, "
        f"{checked['triggers acknowledged']} of them acknowledged, {checked['runs']} runs "
        f"({checked['runs COMPLETED']} completed, {checked['runs FAILED']} failed as they had to, "
        f"{checked['runs CANCELLED']} cancelled), {checked['executions']} executions of tasks, "
        f"{checked['results accepted']} results accepted, {checked['task.stale']} too late; "
        f"{_lost(checked)}; {checked['task.released']} handed back without loss; "
        f"{checked['lines of output']:,} lines of output, "
        f"{checked['readers of output']} readers of output, {done.facts.seq:,} facts."
    )


def _lost(checked: Mapping[str, int]) -> str:
    """Attempts lost with their agents, by how that was known."""
    by = {key.removeprefix("lost by "): count for key, count in sorted(checked.items())
          if key.startswith("lost by ")}  # fmt: skip
    told = ", ".join(f"{count} {cause}" for cause, count in by.items())
    return f"{sum(by.values())} attempts lost ({told or 'none'})"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _slow(done: Campaign) -> list[Sample]:
    """Undisturbed recoveries that took longer than is promised."""
    return [
        sample
        for sample in done.nemesis.samples
        for (fault, what), limit_s in PROMISED_S.items()
        if sample.alone and sample.what == what and sample.fault.kind.startswith(fault)
        and sample.seconds > limit_s
    ]  # fmt: skip


def _counts(done: Campaign, judge: Judge) -> str:
    rows = [f"| {text} | {judge.counts[name]} |" for name, text in MEASURES.items()]
    excused = (
        "executions at the same time under the stated exception (agent frozen or killed whole)"
    )
    rows.append(f"| *{excused}* | *{len(judge.excused)}* |")
    rows.append(f"| *recoveries that took longer than promised* | *{len(_slow(done))}* |")
    said = judge.checked["readers that said what they missed"]
    rows.append(f"| *readers that gave up and said so* | *{said}* |")
    return "\n".join(["| counted | |", "|---|---|", *rows])


def _faults(done: Campaign) -> str:
    injected = Counter(one.fault.kind for one in done.nemesis.injected)
    samples: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for sample in done.nemesis.samples:
        if sample.alone and sample.done:
            samples[sample.fault.kind][sample.what].append(sample.seconds)
    rows = []
    for kind in KINDS:
        if kind in injected:
            over = "; ".join(_times(what, times) for what, times in samples[kind].items())
            rows.append(f"| {kind} | {injected[kind]} | {over or '-'} |")
    head = ["| fault | times | seconds until (median, longest, of how many undisturbed) |"]
    return "\n".join([*head, "|---|---|---|", *rows])


def _times(what: str, times: list[float]) -> str:
    return f"{what} {statistics.median(times):.2f}, {max(times):.2f} ({len(times)})"


def write(document: Path, text: str) -> None:
    """Replace what stands between the markers."""
    content = document.read_text()
    before, _, rest = content.partition(BEGIN)
    _, _, after = rest.partition(END)
    document.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
