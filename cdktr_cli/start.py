"""cdktr start: the programs of this machine as child processes, kept running.

One home has one `cdktr start` of a kind: a lock says who. What is started are the same separate
programs that one would start by hand; there is no second, in-process mode.
"""

from __future__ import annotations

import os
from pathlib import Path

from cdktr_cli import programs
from cdktr_cli.supervisor import Child, Supervisor
from cdktr_common import arguments, cli
from cdktr_common.errors import BUSY, NOT_FOUND, USAGE
from cdktr_common.lock import Lock, Locked, holder
from cdktr_common.loop import Loop
from cdktr_common.settings import Settings

PROGRAM = "cdktr"

usage = f"""\
cdktr start - start programs on this machine and keep them running; Ctrl-C stops all

Examples:
  cdktr start principal --with-agent      Everything on one machine.
  cdktr start --max-executors 8           The same, with eight slots.
  cdktr start principal                   Principal, logd and cron, without an agent.
  cdktr start agent --max-executors 8 --label gpu
  cdktr start logd
  cdktr --host-port 10.0.0.5:5561 start agent --insecure

Usage:
  cdktr start [options] [--label LABEL]... [principal | agent | logd]

Options:
  --with-agent            With `principal`: one agent, too.
  --without-cron          No cdktr-cron: workflows are not started by time from here.
  -n --max-executors N    Tasks that the agent runs at the same time.
  -l --label LABEL        A label of the agent; may be given several times.
  --name NAME             Name of the agent; default: host name.
  --workflow-dir DIR      Directory of workflow files; default: workflows.
  --insecure              Allow TCP although there are no keys.
{cli.OPTIONS}
A program that ends unasked is started again. The first Ctrl-C (or SIGTERM) lets tasks finish for
the drain time of the settings, the second ends them. Exit codes: 0 stopped - 2 usage - 75 this
home is in use - 78 bad settings; that of the first program that could not be started.
"""


def main(argv: list[str]) -> int:
    """Run until told to stop."""
    cli.show_and_exit(usage, argv)
    args = arguments.parse(usage, ["start", *argv])
    settings = cli.load_settings(
        args,
        changes=True,
        workflow_dir=args["--workflow-dir"],
        max_executors=args["--max-executors"],
        agent_name=args["--name"],
    ).settings
    umask = os.umask(0o077)
    children = plan(args, settings)
    lock = Lock(lock_path(args, settings), "cdktr start")
    lock.update(program="cdktr start", starts=[child.name for child in children])
    refuse_orphans(children, settings)
    log = cli.Log(PROGRAM, settings.log_level)
    return Supervisor(Loop(), log, children, settings.drain_timeout_s, umask).run()


def plan(args: cli.Args, settings: Settings) -> list[Child]:
    """The programs to start, in the order in which they are to be stopped."""
    if args["agent"]:
        return [_agent(args, settings, alone=True)]
    if args["logd"]:
        return [_child("logd", _common(args))]
    # `cdktr start` without a word is the older spelling of `start principal --with-agent`.
    with_agent = args["--with-agent"] or not args["principal"]
    if not with_agent:
        for option in ("--max-executors", "--name", "--label"):
            if args[option]:
                cli.fail(PROGRAM, f"{option} is for the agent: add --with-agent", USAGE)
    principal = [*_common(args), *_valued("--workflow-dir", args["--workflow-dir"])]
    children = [_agent(args, settings, alone=False)] if with_agent else []
    if not args["--without-cron"] and programs.find("cron"):
        children.append(_child("cron", _beside(args)))
    return [*children, _child("logd", _common(args)), _child("principal", principal)]


def lock_path(args: cli.Args, settings: Settings) -> Path:
    """The lock of this kind of start: `start agent` goes beside `start principal`."""
    home = Path(settings.home)
    if args["agent"]:
        return home / "agent" / settings.agent_name / "start.lock"
    return home / ("logd/start.lock" if args["logd"] else "start.lock")


def refuse_orphans(children: list[Child], settings: Settings) -> None:
    """A daemon that runs already, left by a `cdktr start` that was killed or started by hand,
    would let nobody else into its directory."""
    homes = {"agent": f"agent/{settings.agent_name}"}
    for child in children:
        path = Path(settings.home) / homes.get(child.name, child.name) / "lock"
        owner = holder(path)
        if owner is not None:
            cli.fail(PROGRAM, f"{Locked(path, owner)}; `cdktr stop` stops it", BUSY)


def _child(name: str, arguments: list[str]) -> Child:
    found = programs.find(name)
    if found is None:
        cli.fail(PROGRAM, f"cdktr-{name} is not installed beside cdktr or on PATH", NOT_FOUND)
    return Child(name, [*found, *arguments])


def _common(args: cli.Args) -> list[str]:
    arguments = [
        *_valued("--home", args["--home"]),
        *_valued("--host-port", args["--host-port"]),
        *_valued("--principal", args["--principal"]),
    ]
    return [*arguments, "--insecure"] if args["--insecure"] else arguments


def _beside(args: cli.Args) -> list[str]:
    """Beside its principal a program needs no TCP, and 0.0.0.0 is an address to bind alone."""
    arguments = _common(args)
    if args["--host-port"]:
        at = arguments.index("--host-port")
        del arguments[at : at + 2]
    return arguments


def _agent(args: cli.Args, settings: Settings, *, alone: bool) -> Child:
    arguments = _common(args) if alone else _beside(args)
    arguments += _valued("--max-executors", args["--max-executors"])
    arguments += _valued("--name", args["--name"])
    for label in args["--label"]:
        arguments += ["--label", label]
    return _child("agent", arguments)


def _valued(option: str, value: str | None) -> list[str]:
    return [] if value is None else [option, value]
