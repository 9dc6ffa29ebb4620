"""The agent's machine in figures, for its beats."""

from __future__ import annotations

import os

from cdktr_common.catalogue.values import AgentLoad


def measure(spool_bytes: int, outbox: int) -> AgentLoad:
    """CPU since the last call, memory, load; and what waits here for others. Zeros where there is
    no /proc to read them from: an agent works without."""
    import psutil  # once, and after the agent is at work

    try:
        cpu_pct, mem_pct = psutil.cpu_percent(), psutil.virtual_memory().percent
        load1 = os.getloadavg()[0]
    except OSError:
        cpu_pct = mem_pct = load1 = 0.0
    return AgentLoad(
        cpu_pct=cpu_pct, mem_pct=mem_pct, load1=load1, spool_bytes=spool_bytes, outbox=outbox
    )
