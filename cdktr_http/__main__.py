"""cdktr-http: the command line of the source of webhooks, and the order of its start.

The hooks and their secrets are read and checked whole, the port is bound, and then it is ready,
whether the principal is there or not: posts are refused with 503 until it is.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

from cdktr_common import cli
from cdktr_common.arguments import parse
from cdktr_common.errors import OK
from cdktr_common.errors import USAGE as WRONG_USAGE
from cdktr_common.lock import Lock, Locked
from cdktr_common.settings import Settings, principal_endpoint
from cdktr_http.hooks import HookFault, Hooks, address, is_local, read

PROGRAM = "cdktr-http"

USAGE = f"""\
cdktr-http: webhooks become events. A signed POST to /hooks/EVENT fires EVENT, once however often
it is delivered.

Examples:
  cdktr-http --config hooks.yaml
  cdktr-http --config hooks.yaml --listen 0.0.0.0:5580
  curl -d '{{"a": 1}}' -H 'Content-Type: application/json' http://127.0.0.1:5580/hooks/new-order

Usage:
  cdktr-http [--config FILE] [--listen HOST:PORT] [--insecure] [--host-port HOST:PORT]
             [--principal NAME] [--home DIR]

Options:
  --config FILE           The hooks: `hooks:` with a mapping of events to style, secret, open,
                          once, tolerance, max_body, rate, per_s, headers; default
                          CDKTR_HOME/hooks.yaml.
  --listen HOST:PORT      Where to serve; default what the file says, else 127.0.0.1:5580.
  --insecure              Serve hooks that are open to more than this machine.
{cli.OPTIONS}
Serves POST /hooks/EVENT and GET /health. Stops cleanly on SIGTERM and SIGINT; SIGHUP reads the
file and the secrets again. Exit codes: 0 stopped, 2 usage, 75 the address is in use, 78 bad
settings.
"""


def main(argv: list[str]) -> int:
    """Serve until told to stop."""
    cli.show_and_exit(USAGE, argv)
    args = parse(USAGE, argv)
    _check(args["--listen"])
    settings = cli.load_settings(args, changes=True).settings
    os.umask(0o077)
    file = Path(args["--config"] or Path(settings.home) / "hooks.yaml")
    hooks = _read(file, args)
    listen = address(args["--listen"] or hooks.listen)
    from cdktr_http.server import bind

    bound, url = bind(*listen)
    # It owns nothing: this is how `cdktr stop` finds it. The port is its own already.
    name = f"{bound.getsockname()[1]}.lock"
    with suppress(Locked):  # by one that serves the same port of another address
        Lock(Path(settings.home) / "http" / name, PROGRAM, endpoints=[url])
    with bound:
        asyncio.run(_Program(settings, file, args).serve(hooks, bound, url))
    return OK


def _check(listen: str | None) -> None:
    """What is wrong on the command line is wrong usage."""
    if listen is not None:
        try:
            address(listen)
        except HookFault as fault:
            cli.fail(PROGRAM, f"--{fault}", WRONG_USAGE)


def _read(file: Path, args: cli.Args) -> Hooks:
    """The hooks, if they may be served where they are to be. Raises HookFault."""
    try:
        hooks = read(file, os.environ)
    except OSError as fault:
        raise HookFault(f"{file}: {fault.strerror}") from None
    host = address(args["--listen"] or hooks.listen)[0]
    if hooks.open_ones and not is_local(host) and not args["--insecure"]:
        raise HookFault(
            f"hook {hooks.open_ones[0]} is open to everyone who can reach {host}: give it a "
            "secret, or accept this with --insecure"
        )
    return hooks


class _Program:
    def __init__(self, settings: Settings, file: Path, args: cli.Args) -> None:
        self._settings = settings
        self._file = file
        self._args = args
        self._log = cli.Log(PROGRAM, settings.log_level)

    async def serve(self, hooks: Hooks, bound: object, url: str) -> None:
        from cdktr_http.app import Gate, app
        from cdktr_http.bridge import Bridge
        from cdktr_http.server import server

        timeout_s = self._settings.default_zmq_timeout_ms / 1000
        bridge = Bridge(principal_endpoint(self._settings), timeout_s)
        gate = Gate(hooks, bridge, self._log)
        serving = server(app(gate), lambda: cli.ready(PROGRAM, [url]), self._log)
        loop = asyncio.get_running_loop()

        def stop() -> None:
            serving.should_exit = True

        def again() -> None:
            try:
                gate.exchange(_read(self._file, self._args))
                self._log("info", "the hooks were read again")
            except HookFault as fault:
                self._log("error", f"the hooks stay as they were: {fault}")

        loop.add_signal_handler(signal.SIGTERM, stop)
        loop.add_signal_handler(signal.SIGINT, stop)
        loop.add_signal_handler(signal.SIGHUP, again)
        await serving.serve(sockets=[bound])  # type: ignore[list-item]
        await bridge.close()


def run() -> None:
    """The console script."""
    cli.program_main(PROGRAM, main)


if __name__ == "__main__":
    run()
