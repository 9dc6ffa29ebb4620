"""The agent's machine in figures, for its beats."""

from __future__ import annotations

import os

from cdktr_common.catalogue.values import AgentLoad


def measure(spool_bytes: int, outbox: int) -> AgentLoad:
    """CPU since the last call, memory, load; and what waits here for others."""
    import psutil  # once, and after the agent is at work

    return AgentLoad(
        cpu_pct=psutil.cpu_percent(),
        mem_pct=psutil.virtual_memory().percent,
        load1=os.getloadavg()[0],
        spool_bytes=spool_bytes,
        outbox=outbox,
    )
