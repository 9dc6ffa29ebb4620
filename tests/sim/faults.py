"""How each kind of fault is done to the stage, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cdktr_common.catalogue import principal as p
from tests.sim.agent import die
from tests.sim.scenario import Fault
from tests.sim.tasks import Machine
from tests.sim.world import Network, Process

if TYPE_CHECKING:
    from tests.sim.runner import Stage

RESTART_S = 0.4
"""How soon a service manager starts again what has died."""


def strike(stage: Stage, fault: Fault) -> None:
    """Now it happens."""
    stage.world.tell("fault", fault.text().partition(" s ")[2])
    _FAULTS[fault.kind](stage, fault)


def _later(stage: Stage, delay: float, call: Callable[..., None], *args: object) -> None:
    stage.world.at(stage.world.now + delay, None, call, args)


def _kill_principal(stage: Stage, fault: Fault) -> None:
    """After so many effects; half of the time its machine loses power."""
    principal = stage.principal
    if principal.alive and principal.fuse is None:
        principal.thaw()
        principal.doom(int(fault.fine * 12), power_fails=fault.fine > 0.5)
        lasts = fault.lasts
        principal.on_death = lambda: _later(stage, lasts, stage.start_principal)


def _freeze_principal(stage: Stage, fault: Fault) -> None:
    if stage.principal.awake and stage.principal.fuse is None:
        stage.principal.freeze()
        _later(stage, fault.lasts, _thaw_principal, stage, stage.principal.life, fault.lasts)


def _thaw_principal(stage: Stage, life: int, lasted: float) -> None:
    if stage.principal.life == life and stage.principal.frozen:
        stage.principal.thaw()
        if lasted > Network.PATIENCE_S:
            for machine in stage.machines:
                stage.reconnect_soon(machine)


def _kill_network(stage: Stage, fault: Fault) -> None:
    machine = stage.machine(fault.who)
    if machine.agent.alive:
        die(machine.agent)
        _later(stage, RESTART_S, stage.start_agent, machine)


def _kill_supervisor(stage: Stage, fault: Fault) -> None:
    supervisor = stage.machine(fault.who).supervisor
    if supervisor.alive:
        die(supervisor)


def _kill_both(stage: Stage, fault: Fault) -> None:
    """The tasks run on, and nobody is there for them until the service manager starts it again."""
    machine = stage.machine(fault.who)
    for process in (machine.supervisor, machine.agent):
        if process.alive:
            die(process)
    _later(stage, fault.lasts, stage.start_agent, machine)


def _power_off(stage: Stage, fault: Fault) -> None:
    machine = stage.machine(fault.who)
    if machine.powered:
        machine.power_off()
        _later(stage, fault.lasts, _power_on, stage, machine)


def _power_on(stage: Stage, machine: Machine) -> None:
    machine.powered = True
    stage.start_agent(machine)


def _freezer(*names: str) -> Callable[[Stage, Fault], None]:
    def freeze(stage: Stage, fault: Fault) -> None:
        machine = stage.machine(fault.who)
        for name in names:
            process: Process = getattr(machine, name)
            if process.awake:
                machine.change(process, "freeze")
                _later(stage, fault.lasts, thaw, stage, machine, process, process.life, fault)

    def thaw(stage: Stage, machine: Machine, process: Process, life: int, fault: Fault) -> None:
        if process.life == life and process.frozen:
            machine.change(process, "thaw")
            if process is machine.agent and fault.lasts > Network.PATIENCE_S:
                stage.reconnect_soon(machine)

    return freeze


def _cut(stage: Stage, fault: Fault, other: str) -> None:
    until = stage.world.now + fault.lasts
    stage.net.cut(fault.who, other, until)
    if other == "P" and fault.lasts > Network.PATIENCE_S:
        _later(stage, fault.lasts, stage.reconnect_soon, stage.machine(fault.who))


def _fading(stage: Stage, fault: Fault) -> None:
    """The way to the principal is slow for three seconds, and then there is none."""
    stage.net.slow(fault.who, "P", 0.5 + 3.0 * fault.fine)
    _later(stage, 3.0, _faded, stage, fault)


def _faded(stage: Stage, fault: Fault) -> None:
    stage.net.slow(fault.who, "P", 0.0)
    _cut(stage, fault, "P")


def _bad_network(stage: Stage, fault: Fault) -> None:
    stage.net.weather = (0.4 * fault.fine, 0.4 * (1 - fault.fine), 0.2 + 4.0 * fault.fine**2)
    _later(stage, fault.lasts, stage.net.heal_weather)


def _kill_logd(stage: Stage, fault: Fault) -> None:
    if fault.fine < 0.5:
        stage.logd.dies_after_commit = True  # with its next commit, before the answer
        _later(stage, min(fault.lasts, 3.0), _kill_logd_now, stage)
    else:
        _kill_logd_now(stage)


def _kill_logd_now(stage: Stage) -> None:
    if stage.logd.alive:
        stage.logd.die()
    _later(stage, RESTART_S, stage.start_logd)


def _logd_full(stage: Stage, fault: Fault) -> None:
    stage.logd.full = True
    _later(stage, fault.lasts, setattr, stage.logd, "full", False)


def _logd_gives_up(stage: Stage, fault: Fault) -> None:
    stage.logd.gives_up = True


def _agent_full(stage: Stage, fault: Fault) -> None:
    disk = stage.machine(fault.who).disk
    disk.full = True
    _later(stage, fault.lasts, setattr, disk, "full", False)


def _principal_full(stage: Stage, fault: Fault) -> None:
    stage.principal.set_disk_full(True)
    _later(stage, fault.lasts, stage.principal.set_disk_full, False)


def _drain(stage: Stage, fault: Fault) -> None:
    stage.client.ask(p.AgentDrain(agent=fault.who))
    _later(stage, fault.lasts, stage.client.ask, p.AgentUndrain(agent=fault.who))


def _stop_agent(stage: Stage, fault: Fault) -> None:
    machine = stage.machine(fault.who)
    if machine.agent.awake:
        machine.agent.terminate()
        _later(stage, fault.lasts, stage.start_agent, machine)


def _lost(stage: Stage, fault: Fault) -> None:
    stage.client.ask(p.AgentLost(agent=fault.who, force=fault.fine > 0.5))


def _continue(stage: Stage, fault: Fault) -> None:
    stage.continue_held()


_FAULTS: dict[str, Callable[[Stage, Fault], None]] = {
    "kill principal": _kill_principal,
    "freeze principal": _freeze_principal,
    "kill network process": _kill_network,
    "kill supervisor": _kill_supervisor,
    "kill both": _kill_both,
    "power off": _power_off,
    "freeze network process": _freezer("agent"),
    "freeze supervisor": _freezer("supervisor"),
    "freeze both": _freezer("agent", "supervisor"),
    "cut from principal": lambda stage, fault: _cut(stage, fault, "P"),
    "cut from logd": lambda stage, fault: _cut(stage, fault, "L"),
    "fading link": _fading,
    "bad network": _bad_network,
    "kill logd": _kill_logd,
    "logd disk full": _logd_full,
    "logd database gives up": _logd_gives_up,
    "agent disk full": _agent_full,
    "principal disk full": _principal_full,
    "drain": _drain,
    "stop agent": _stop_agent,
    "lost": _lost,
    "continue": _continue,
}
