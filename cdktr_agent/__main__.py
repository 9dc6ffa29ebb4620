"""`cdktr-agent`: usage, state directory, and the network process that the service manager sees."""

from __future__ import annotations

import os
import re
import socket
from pathlib import Path

from cdktr_common import PROTOCOL, __version__, cli
from cdktr_common.arguments import parse
from cdktr_common.errors import BUSY
from cdktr_common.lock import Lock, Locked
from cdktr_common.settings import Settings, SettingsError, principal_endpoint

PROGRAM = "cdktr-agent"

USAGE = f"""\
cdktr-agent: take tasks from a principal and run them here.

  cdktr-agent
  cdktr-agent --max-executors 8 --label gpu --label big
  cdktr-agent --host-port 10.0.0.5:5561 --insecure

Usage:
  cdktr-agent [--max-executors N] [--label L]... [--name NAME] [--workdir DIR]
              [--host-port HOST:PORT | --principal NAME] [--home DIR] [--insecure]
  cdktr-agent (-h | --help | --version | --protocol)

Options:
  --max-executors N       Tasks to run at the same time; default: the number of cores.
  --label L               A label; tasks that ask for one run only where it is.
  --name NAME             Name of this agent; default: the host's name.
  --workdir DIR           Where tasks run that name no directory; default: the current one.
  --insecure              Talk over TCP without keys.
{cli.OPTIONS}
SIGTERM or SIGINT drains: nothing new is taken, what runs may end within drain_timeout_s, then the
agent exits 0. A second one ends the tasks at once. Killed otherwise, tasks run on under the
supervisor process, and the next cdktr-agent of the same name takes them over.
"""


def main(argv: list[str]) -> int:
    """Run until drained."""
    cli.show_and_exit(USAGE, argv)
    args = parse(USAGE, argv)
    settings = cli.load_settings(
        args,
        changes=True,
        max_executors=args["--max-executors"],
        labels=args["--label"] or None,
        agent_name=args["--name"],
    ).settings
    endpoint = principal_endpoint(settings)
    cwd = _workdir(args["--workdir"])
    umask = os.umask(0o077)
    directory = _directory(settings)
    try:
        # Until the process ends: nobody else may speak for this agent.
        lock = Lock(directory / "lock", PROGRAM, name=settings.agent_name)
    except Locked as fault:
        cli.fail(PROGRAM, f"{fault}; a second agent here needs another --name", BUSY)
    cli.refuse_open_tcp(PROGRAM, settings, [endpoint])
    for name in ("spool", "payload"):
        (directory / name).mkdir(mode=0o700, exist_ok=True)
    _serve(settings, endpoint, directory, cwd, umask)
    lock.release()
    return 0


def _serve(settings: Settings, endpoint: str, directory: Path, cwd: str, umask: int) -> None:
    # Imported here: --help and refusals need no ZeroMQ.
    from cdktr_agent.core import Core
    from cdktr_agent.instructions import Identity
    from cdktr_agent.service import Service

    identity = Identity(
        agent=settings.agent_name,
        aid=_aid(directory / "id"),
        slots=settings.max_executors,
        labels=sorted(set(settings.labels)),
        host=socket.gethostname(),
        version=__version__,
        protocol=PROTOCOL,
    )
    Service(settings, endpoint, str(directory), (cwd, umask), Core(identity)).run()


def _workdir(given: str | None) -> str:
    path = os.path.abspath(os.path.expanduser(given or "."))
    if not os.path.isdir(path):
        raise SettingsError(f"--workdir {given}: no such directory")
    return path


def _directory(settings: Settings) -> Path:
    name = settings.agent_name
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", name):
        raise SettingsError(f"agent name '{name}': letters, digits, dots, dashes, underscores only")
    directory = Path(settings.home) / "agent" / name
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    return directory


def _aid(file: Path) -> str:
    """The identity that stays when the name does not; made once."""
    try:
        aid = file.read_text().strip()
    except FileNotFoundError:
        aid = ""
    if not aid:
        aid = os.urandom(8).hex()
        fresh = file.with_suffix(".new")
        fresh.write_text(aid + "\n")
        fresh.rename(file)
    return aid


def run() -> None:
    """The console script."""
    cli.program_main(PROGRAM, main)


if __name__ == "__main__":
    run()
