"""The principal's endpoint without loading the settings, where that is beyond doubt.

Reading settings costs a small command more than its work. When no file says anything and the
environment sets no address, the answer is known; in every other case the settings are
asked. Both ways give the same answer (a test holds them together).
"""

from __future__ import annotations

import os

from cdktr_common import cli, settings_file

TIMEOUT_S = 5.0
"""The default of `default_zmq_timeout_ms`."""

_DECIDING = (
    "CDKTR_PRINCIPAL_HOST",
    "CDKTR_PRINCIPAL_PORT",
    "CDKTR_MASTER_HOST",
    "CDKTR_MASTER_PORT",
    "CDKTR_HOST",
    "CDKTR_PORT",
    "CDKTR_DEFAULT_ZMQ_TIMEOUT_MS",
)


def principal(args: cli.Args, changes: bool = False) -> tuple[str, float]:
    """Endpoint and time-out, for a command that `changes` something or not. Raises SettingsError,
    and ProtocolError `denied` where the settings forbid changes."""
    known = _beyond_doubt(args)
    if known is not None:
        return known, TIMEOUT_S
    settings, endpoint = cli.client_endpoint(args, changes)
    return endpoint, settings.default_zmq_timeout_ms / 1000


def _beyond_doubt(args: cli.Args) -> str | None:
    if args["--principal"]:
        return None
    if any(os.environ.get(name) for name in _DECIDING):
        return None
    file = settings_file.find(os.environ)
    if file is not None:
        try:
            with open(file) as content:
                if not settings_file.says_nothing(content.read()):
                    return None
        except (OSError, UnicodeDecodeError):
            return None  # the settings say what is wrong with it
    if args["--host-port"]:
        host, port = cli.split_host_port(args["--host-port"])
        return f"tcp://{host}:{port}"
    home = args["--home"] or os.environ.get("CDKTR_HOME") or "~/.cdktr"
    return f"ipc://{os.path.abspath(os.path.expanduser(home))}/run/principal.sock"


def hint(endpoint: str) -> str:
    """What can be said about an endpoint that does not answer."""
    if not endpoint.startswith("ipc://"):
        return ""
    from pathlib import Path

    from cdktr_common.lock import holder

    owner = holder(Path(endpoint[6:]).parent.parent / "principal" / "lock")
    if owner is None:
        return "; no principal runs there: start one with `cdktr start principal --with-agent`"
    return f"; a principal runs there (pid {owner.get('pid', '?')}) but does not answer"
