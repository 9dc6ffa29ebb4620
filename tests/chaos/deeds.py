"""What each kind of fault does, and how one sees that it is over.

A deed takes the nemesis and the fault, does it, waits as long as it lasts, makes it whole again,
and returns the recovery to be measured. It decides nothing about when or on whom.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import suppress

from cdktr_common.catalogue.principal import AgentDrain, AgentLost, AgentStatus, AgentUndrain
from cdktr_common.errors import BUSY, ProtocolError
from tests.chaos.faults import KINDS, Fault
from tests.chaos.nemesis import PATIENCE_S, Nemesis, Recovery
from tests.chaos.watch import pong, wait_for

Deed = Callable[[Nemesis, Fault], Recovery | None]


# Principal and logd


def _serve(nemesis: Nemesis, fault: Fault) -> Recovery:
    """Start principal or logd again; measures how long until it serves."""
    since = time.time()
    nemesis.cluster.start(fault.target).ready(PATIENCE_S)
    nemesis.measure(fault, Recovery(f"{fault.target} serves again", since, lambda: True))
    return _whole(nemesis, fault)


def _whole(nemesis: Nemesis, fault: Fault) -> Recovery:
    """All that hangs on principal or logd is in order again."""
    if fault.target == "principal":
        return nemesis.resync()
    seq = nemesis.facts.seq

    def caught_up() -> bool:
        answer = pong(nemesis.cluster.recorder)
        return answer is not None and answer.counts.get("facts_to", 0) >= seq

    return Recovery("logd has all facts", time.time(), caught_up)


def kill(nemesis: Nemesis, fault: Fault) -> Recovery:
    """kill -9, away for a while, started again."""
    nemesis.cluster.kill(fault.target)
    time.sleep(fault.seconds)
    return _serve(nemesis, fault)


def kill_thrice(nemesis: Nemesis, fault: Fault) -> Recovery:
    """The second and third time as soon as it serves."""
    for _ in range(2):
        kill(nemesis, fault)
    return kill(nemesis, fault)


def freeze(nemesis: Nemesis, fault: Fault) -> Recovery:
    """SIGSTOP, SIGCONT."""
    pid = nemesis.cluster.current[fault.target].pid
    nemesis.cluster.freeze(pid)
    time.sleep(fault.seconds)
    nemesis.cluster.thaw(pid)
    return _whole(nemesis, fault)


def restart(nemesis: Nemesis, fault: Fault) -> Recovery:
    """SIGTERM, and started again."""
    proc = nemesis.cluster.current[fault.target]
    proc.signal(signal.SIGTERM)
    nemesis.cluster.stopped(proc)
    time.sleep(fault.seconds)
    return _serve(nemesis, fault)


def fill_disk(nemesis: Nemesis, fault: Fault) -> Recovery:
    """Nothing is left on its disk for a while."""
    cluster = nemesis.cluster
    filling = cluster.ground.fill(cluster.home / fault.target)
    time.sleep(fault.seconds)
    filling.unlink()
    client = cluster.client if fault.target == "principal" else cluster.recorder

    def well() -> bool:
        answer = pong(client)
        return answer is not None and answer.status == "ok"

    return Recovery(f"{fault.target} has room again", time.time(), well)


# Agents


def kill_network(nemesis: Nemesis, fault: Fault) -> Recovery:
    """The network process, and after a while the next one."""
    nemesis.cluster.kill(fault.target)
    time.sleep(fault.seconds)
    recovery = nemesis.well(fault.target)
    nemesis.cluster.start(fault.target)
    return recovery


def _boot_ends(nemesis: Nemesis, agent: str) -> None:
    """Another supervisor is to be expected."""
    nemesis.boots[agent] += 1


def kill_supervisor(nemesis: Nemesis, fault: Fault) -> Recovery:
    """The process that owns the tasks."""
    tokens = nemesis.facts.tokens_of(fault.target)
    recovery = nemesis.released(fault.target, tokens)
    if nemesis.cluster.kill_supervisor(fault.target):
        _boot_ends(nemesis, fault.target)
    return recovery


def kill_both(nemesis: Nemesis, fault: Fault) -> Recovery:
    """Both at once, the tasks left alone; started again."""
    cluster, agent = nemesis.cluster, fault.target
    tokens = nemesis.facts.tokens_of(agent)
    cluster.freeze(cluster.network(agent), cluster.supervisor(agent))
    if cluster.kill_supervisor(agent):
        _boot_ends(nemesis, agent)
    cluster.kill(agent)
    time.sleep(fault.seconds)
    recovery = nemesis.released(agent, tokens)
    cluster.start(agent)
    return recovery


def kill_host(nemesis: Nemesis, fault: Fault) -> Recovery:
    """Both and all tasks, as a power cut does."""
    agent = fault.target
    tokens = nemesis.facts.tokens_of(agent)
    _boot_ends(nemesis, agent)
    nemesis.cluster.kill_host(agent)
    if fault.kind.endswith("called lost"):
        _call_lost(nemesis, fault, tokens)
    time.sleep(fault.seconds)
    recovery = nemesis.released(agent, tokens)
    nemesis.cluster.start(agent)
    return recovery


def _call_lost(nemesis: Nemesis, fault: Fault, tokens: list[str]) -> None:
    request = AgentLost(agent=fault.target, reason="campaign", force=True)
    recovery = nemesis.released(fault.target, tokens)._replace(what="attempts released by `lost`")
    with suppress(ProtocolError), nemesis.cluster.client(2.0) as client:
        client.ask(request, AgentStatus)
        if tokens:
            nemesis.measure(fault, recovery, patience_s=3.0)


def call_lost_wrongly(nemesis: Nemesis, fault: Fault) -> Recovery:
    """An operator's error: the agent is well, and told so by the answer to its next beat."""
    _operator(nemesis, AgentLost(agent=fault.target, reason="in error", force=True))
    return nemesis.well(fault.target)


def freeze_agent(nemesis: Nemesis, fault: Fault) -> Recovery:
    """SIGSTOP of the network process, the supervisor, or both."""
    agent = fault.target
    network, supervisor = nemesis.cluster.network(agent), nemesis.cluster.supervisor(agent)
    pids: dict[str, list[int | None]] = {
        "network": [network],
        "supervisor": [supervisor],
        "both": [supervisor, network],
    }
    frozen = pids[fault.kind.split()[0]]
    nemesis.cluster.freeze(*frozen)
    time.sleep(fault.seconds)
    nemesis.cluster.thaw(*frozen)
    return nemesis.well(agent)


def stop_agent(nemesis: Nemesis, fault: Fault) -> Recovery:
    """SIGTERM once or twice, and the next one."""
    proc = nemesis.cluster.current[fault.target]
    proc.signal(signal.SIGTERM)
    if fault.kind == "told twice to end":
        time.sleep(0.15)
        with suppress(ProcessLookupError):
            proc.signal(signal.SIGTERM)
    nemesis.cluster.stopped(proc, 60)
    _boot_ends(nemesis, fault.target)
    time.sleep(fault.seconds)
    recovery = nemesis.well(fault.target)
    nemesis.cluster.start(fault.target)
    return recovery


def drain(nemesis: Nemesis, fault: Fault) -> Recovery:
    """By an operator's word, and back."""
    _operator(nemesis, AgentDrain(agent=fault.target, reason="campaign"))
    time.sleep(fault.seconds)
    _operator(nemesis, AgentUndrain(agent=fault.target))
    return nemesis.well(fault.target)


def _operator(nemesis: Nemesis, request: AgentDrain | AgentUndrain | AgentLost) -> None:
    """Again until it is answered, as an operator would."""

    def done() -> bool:
        with suppress(ProtocolError), nemesis.cluster.client(1.0) as client:
            client.ask(request, AgentStatus)
            return True
        return False

    assert wait_for(done, PATIENCE_S), f"{request} was not answered"


def fill_agents_disk(nemesis: Nemesis, fault: Fault) -> Recovery:
    """Of the host of an agent, for a while."""
    filling = nemesis.cluster.ground.fill(nemesis.cluster.directory / fault.target / "agent")
    time.sleep(fault.seconds)
    filling.unlink()
    return nemesis.well(fault.target)


def start_second(nemesis: Nemesis, fault: Fault) -> Recovery:
    """On the same directory: it has to leave with exit code 75, and the first does not notice."""
    since = time.time()
    second = nemesis.cluster.second(fault.target)
    code = second.popen.wait(PATIENCE_S)
    assert code == BUSY, f"a second {fault.target} ended with {code}: {second.errors()}"
    return Recovery("the second has left", since, lambda: True)


def few_descriptors(nemesis: Nemesis, fault: Fault) -> Recovery:
    """Hardly a file can be opened any more."""
    nemesis.cluster.descriptors(fault.target, 2)
    time.sleep(fault.seconds)
    nemesis.cluster.descriptors(fault.target, None)
    return nemesis.well(fault.target)


# Networks


def cut(nemesis: Nemesis, fault: Fault) -> Recovery:
    """Packets are dropped without a word, both ways or one."""
    ground, agent = nemesis.cluster.ground, fault.target
    other = "logd" if fault.kind.endswith("logd") else "principal"
    proxy = nemesis.cluster.proxies.get(agent)
    if proxy is not None and other == "principal":
        proxy.held = True
        time.sleep(fault.seconds)
        proxy.held = False
        return nemesis.well(agent)
    ways = [(agent, other), (other, agent)]
    if fault.kind.startswith("requests"):
        ways = ways[:1]
    elif fault.kind.startswith("answers"):
        ways = ways[1:]
    for way in ways:
        ground.cut(*way)
    time.sleep(fault.seconds)
    for way in ways:
        ground.heal(*way)
    return nemesis.well(agent)


def pull_cable(nemesis: Nemesis, fault: Fault) -> Recovery:
    """Of the whole host."""
    nemesis.cluster.ground.unplug(fault.target)
    time.sleep(fault.seconds)
    nemesis.cluster.ground.plug(fault.target)
    return nemesis.well(fault.target)


def bad_proxy(nemesis: Nemesis, fault: Fault) -> Recovery | None:
    """What a proxy can do to an agent, or to clients."""
    cluster = nemesis.cluster
    proxy = cluster.front if fault.target == "front" else cluster.proxies[fault.target]
    if fault.kind.endswith("closed"):
        proxy.cut()
    elif fault.kind.endswith("half open"):
        proxy.held = True
    elif fault.kind.endswith("lost"):
        proxy.lost_replies = 0.7
    else:
        proxy.delay_s, proxy.doubled = 0.3, 0.5
    time.sleep(fault.seconds)
    proxy.calm()
    return None if fault.target == "front" else nemesis.well(fault.target)


_BEGINNINGS: tuple[tuple[str, Deed], ...] = (
    ("logd killed three", kill_thrice),
    ("principal killed", kill),
    ("logd killed", kill),
    ("principal frozen", freeze),
    ("logd frozen", freeze),
    ("principal restarted", restart),
    ("logd restarted", restart),
    ("principal's disk", fill_disk),
    ("logd's disk", fill_disk),
    ("network process killed", kill_network),
    ("supervisor killed", kill_supervisor),
    ("both killed", kill_both),
    ("host lost its power", kill_host),
    ("called lost", call_lost_wrongly),
    ("network process frozen", freeze_agent),
    ("supervisor frozen", freeze_agent),
    ("both frozen", freeze_agent),
    ("drained and", stop_agent),
    ("told twice", stop_agent),
    ("drained by", drain),
    ("agent's disk", fill_agents_disk),
    ("a second", start_second),
    ("few descriptors", few_descriptors),
    ("cut off", cut),
    ("requests to", cut),
    ("answers of", cut),
    ("cable", pull_cable),
    ("connections", bad_proxy),
    ("network delayed", bad_proxy),
    ("clients'", bad_proxy),
    ("answers to", bad_proxy),
)

DEEDS: dict[str, Deed] = {
    kind: next(deed for beginning, deed in _BEGINNINGS if kind.startswith(beginning))
    for kind in KINDS
}
