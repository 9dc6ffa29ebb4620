"""Settings: where each comes from, and the endpoints that follow from them.

Ascending precedence: default, environment, settings file, command line. A wrong value or an
unknown key is an error that names the place. Knows no program; programs pick what they need.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from cdktr_common import settings_file as settings_file_of
from cdktr_common.errors import BAD_SETTINGS, Refusal
from cdktr_common.principals import Principal, principal_of

PORTS: Final = (
    "principal_port",
    "events_port",
    "logs_listening_port",
    "logs_publishing_port",
)


MOST: Final = 366 * 86_400 * 1000
"""Of any number: beyond it is no time, size or count that anybody means."""


MOST_OF_POOL: Final = 1_000_000
MOST_RATE: Final = 10_000
POOL: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:=/@+-]{0,99}")
"""The name of a pool."""


class SettingsError(Refusal):
    """A setting is unknown or has a wrong value; ends a program with exit code 78."""

    @property
    def exit(self) -> int:
        return BAD_SETTINGS


class Pool(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What tasks may use of a pool: `limit` at the same time (null: any amount; 0: nothing now),
    and `rate` begun within any `per_s` seconds."""

    limit: int | None = None
    rate: int | None = None
    per_s: float = 1.0

    def __post_init__(self) -> None:
        if self.limit is None and self.rate is None:
            raise ValueError("a pool has a limit, a rate or both: {limit: 5, rate: 10, per_s: 1}")
        if self.limit is not None and not 0 <= self.limit <= MOST_OF_POOL:
            raise ValueError(f"the limit of a pool is 0 to {MOST_OF_POOL:,}, not {self.limit}")
        if self.rate is not None and not 1 <= self.rate <= MOST_RATE:
            raise ValueError(f"the rate of a pool is 1 to {MOST_RATE:,}, not {self.rate}")
        if not 0.001 <= self.per_s <= 86_400:
            raise ValueError(f"per_s of a pool is 0.001 to 86,400 seconds, not {self.per_s:g}")


class Settings(msgspec.Struct, kw_only=True):
    """All settings with their defaults. The text of each is in `HELP`."""

    home: str = "~/.cdktr"
    principal_host: str | None = None
    principal_port: int | None = None
    events_port: int | None = None
    logs_host: str | None = None
    logs_listening_port: int | None = None
    logs_publishing_port: int | None = None
    insecure: bool = False
    principals: dict[str, str | Principal] = {}
    max_executors: int = msgspec.field(default_factory=lambda: os.cpu_count() or 1)
    agent_name: str = msgspec.field(default_factory=lambda: socket.gethostname().split(".")[0])
    labels: list[str] = []
    workflow_dir: str = "workflows"
    workflow_dir_refresh_frequency_s: float = 60.0
    agent_heartbeat_timeout_ms: int = 7000
    default_zmq_timeout_ms: int = 5000
    retry_attempts: int = 3
    agent_beat_s: float = 2.0
    lost_after_s: float = 600.0
    lease_grace_s: float = 5.0
    stop_grace_s: float = 5.0
    retention_days: float = 0.0
    disk_reserve_mb: int = 16
    drain_timeout_s: float = 30.0
    spool_limit_mb: int = 1024
    log_level: str = "info"
    pools: dict[str, int | Pool] = {}

    def __post_init__(self) -> None:
        for name in PORTS:
            port = getattr(self, name)
            if port is not None and not 0 <= port <= 65535:
                raise ValueError(f"{name} is {port}, not a port from 0 to 65535")
        for name, least in (
            ("max_executors", 1), ("workflow_dir_refresh_frequency_s", 0.05),
            ("agent_heartbeat_timeout_ms", 100), ("default_zmq_timeout_ms", 1),
            ("retry_attempts", 0), ("lost_after_s", 0.5), ("drain_timeout_s", 0),
            ("agent_beat_s", 0.05), ("lease_grace_s", 0.1), ("stop_grace_s", 0.05),
            ("retention_days", 0), ("disk_reserve_mb", 1),
            ("spool_limit_mb", 1),
        ):  # fmt: skip
            value = getattr(self, name)
            if not value <= MOST:
                raise ValueError(f"{name} is {value}, and at most {MOST:,} is taken")
            if value < least:
                raise ValueError(f"{name} is {getattr(self, name)}, and at least {least} is needed")
        for principal, entry in self.principals.items():
            if not principal or not principal.isprintable():
                raise ValueError(f"{principal[:40]!r} is no name of a principal")
            principal_of(entry)
        for pool, amount in self.pools.items():
            if not POOL.fullmatch(pool):
                raise ValueError(f"'{pool[:40]}' is no name of a pool: letters, digits, _.:=/@+-")
            if isinstance(amount, int):
                Pool(limit=amount)
        if self.log_level.lower() not in ("debug", "info", "warning", "error"):
            raise ValueError(f"log_level is '{self.log_level}', not debug, info, warning or error")


HELP: Final[dict[str, str]] = {
    "home": "directory of state, sockets, spool and logs",
    "principal_host": "host of the principal; setting it adds TCP",
    "principal_port": "port of the principal's requests (5561); setting it adds TCP",
    "events_port": "port on which the principal publishes events (5564)",
    "logs_host": "host of logd; the principal's host when not set",
    "logs_listening_port": "port of logd's requests (5562)",
    "logs_publishing_port": "port on which logd publishes output (5563)",
    "insecure": "allow TCP without keys: anyone who reaches the port can run commands",
    "principals": "names for addresses, for --principal NAME: {dev: 'dev:5561', "
    "prod: {address: 'tcp://10.0.0.5:5561', color: red, protected: true, read_only: false}}",
    "max_executors": "tasks an agent runs at the same time (its slots); default: cores",
    "agent_name": "name of the agent; default: host name",
    "labels": "labels of the agent; a task that asks for a label runs only where it is",
    "workflow_dir": "directory of workflow files",
    "workflow_dir_refresh_frequency_s": "seconds between two looks at the workflow directory",
    "agent_heartbeat_timeout_ms": "an agent not heard of for this long is shown as silent",
    "default_zmq_timeout_ms": "how long a command waits for an answer",
    "retry_attempts": "how often a command tries again when nobody answers",
    "agent_beat_s": "seconds between two signs of life of an agent",
    "lost_after_s": "lease of an attempt: an agent silent for longer has lost its tasks",
    "lease_grace_s": "how much longer than the agent the principal counts a lease",
    "stop_grace_s": "seconds between TERM and KILL when a task is ended",
    "retention_days": "days after which closed parts of journal and history are dropped; 0: never",
    "disk_reserve_mb": "disk kept back to record results when it is full",
    "drain_timeout_s": "how long a stopping agent lets its tasks finish",
    "spool_limit_mb": "output an agent keeps at most while logd is away",
    "log_level": "debug, info, warning or error",
    "pools": "what tasks may use together: {db: 3, api: {limit: 5, rate: 10, per_s: 1}}",
}

_OLDER_NAMES: Final[dict[str, tuple[str, ...]]] = {
    "principal_host": ("CDKTR_MASTER_HOST", "CDKTR_HOST"),
    "principal_port": ("CDKTR_MASTER_PORT", "CDKTR_PORT"),
}


class Loaded(msgspec.Struct):
    """Settings, and for each name where its value came from. `chosen` is the entry of `principals`
    that was asked for by name."""

    settings: Settings
    sources: dict[str, str]
    chosen: Principal | None = None


def load(
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Loaded:
    """Settings by precedence; `overrides` are the command line's (None: not given). Raises
    SettingsError."""
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    sources = dict.fromkeys(HELP, "default")
    for name in HELP:
        for variable in (f"CDKTR_{name.upper()}", *_OLDER_NAMES.get(name, ())):
            if environ.get(variable):
                values[name] = _from_text(name, environ[variable])
                sources[name] = variable
                break
    file = settings_file(environ, directory)
    if file is not None:
        for name, value in _read(file).items():
            values[name] = _beside(file, value) if name in ("home", "workflow_dir") else value
            sources[name] = str(file)
    for name, value in (overrides or {}).items():
        if value is not None:
            values[name] = value
            sources[name] = "command line"
    return Loaded(_convert(values, sources), sources)


def _convert(values: dict[str, Any], sources: dict[str, str]) -> Settings:
    for name, value in values.items():
        try:
            msgspec.convert({name: value}, Settings, strict=False)
        except (msgspec.ValidationError, ValueError) as fault:
            text = str(fault).partition(f" - at `$.{name}")[0]
            if text.startswith(("Expected `float`", "Expected `int`")):
                whole = "whole " if "`int`" in text else ""
                text = f"'{value}' is not a {whole}number"
                text += " of seconds" if name.endswith("_s") else ""
            raise SettingsError(f"setting {name} (from {sources[name]}): {text}") from None
    settings = msgspec.convert(values, Settings, strict=False)
    settings.home = os.path.abspath(os.path.expanduser(settings.home))
    return settings


def _from_text(name: str, text: str) -> Any:
    if name == "labels":
        return [part.strip() for part in text.split(",") if part.strip()]
    if name == "principals":
        return dict(part.split("=", 1) for part in text.split(",") if "=" in part)
    if name == "pools":
        parts = [part.partition("=") for part in text.split(",") if part.strip()]
        return {pool.strip(): amount.strip() or 1 for pool, _, amount in parts}
    if name == "insecure":
        return text.lower() not in ("0", "false", "no", "off")
    return text


def _beside(file: Path, value: Any) -> Any:
    return str(file.parent / os.path.expanduser(value)) if isinstance(value, str) else value


def settings_file(
    environ: Mapping[str, str] | None = None, directory: Path | None = None
) -> Path | None:
    """The settings file in force: in the current directory, else in CDKTR_HOME."""
    environ = os.environ if environ is None else environ
    found = settings_file_of.find(environ, str(directory or "."))
    return None if found is None else Path(found)


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as fault:
        raise SettingsError(f"{file}: {fault}") from None
    if settings_file_of.says_nothing(text):
        return {}
    import yaml  # only when there is something to read: it costs a command 15 ms

    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as fault:
        raise SettingsError(f"{file}: {fault}") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError(f"{file}: not a mapping of settings")
    known = {}
    for key, value in content.items():
        name = str(key).removeprefix("CDKTR_").lower()
        if name not in HELP:
            import difflib

            near = difflib.get_close_matches(name, HELP, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise SettingsError(f"{file}: unknown setting '{key}'{hint}")
        known[name] = value
    return known


# Endpoints. ipc always; TCP when a host or port is set.


def known_principals(settings: Settings) -> dict[str, Principal]:
    """What `principals` names, in its order."""
    return {name: principal_of(entry) for name, entry in settings.principals.items()}


def uses_tcp(settings: Settings) -> bool:
    """Was a host or port set?"""
    return settings.principal_host is not None or settings.principal_port is not None


def uses_tcp_for_logs(settings: Settings) -> bool:
    """Does logd serve TCP too?"""
    own = (settings.logs_host, settings.logs_listening_port, settings.logs_publishing_port)
    return uses_tcp(settings) or any(value is not None for value in own)


def socket_path(settings: Settings, name: str) -> str:
    """The ipc address of `principal`, `events`, `logd` or `logs`."""
    return f"ipc://{settings.home}/run/{name}.sock"


def _tcp(host: str | None, port: int | None, default: int) -> str:
    return f"tcp://{host or '127.0.0.1'}:{default if port is None else port}"


def principal_endpoint(settings: Settings) -> str:
    """Where a client finds the principal."""
    if uses_tcp(settings):
        return _tcp(settings.principal_host, settings.principal_port, 5561)
    return socket_path(settings, "principal")


def principal_binds(settings: Settings) -> tuple[list[str], list[str]]:
    """What the principal binds: for requests, and for events."""
    requests, events = [socket_path(settings, "principal")], [socket_path(settings, "events")]
    if uses_tcp(settings):
        requests.append(_tcp(settings.principal_host, settings.principal_port, 5561))
        events.append(_tcp(settings.principal_host, settings.events_port, 5564))
    return requests, events


def logd_binds(settings: Settings) -> tuple[list[str], list[str]]:
    """What logd binds: for requests, and for live output."""
    requests, live = [socket_path(settings, "logd")], [socket_path(settings, "logs")]
    if uses_tcp_for_logs(settings):
        host = settings.logs_host or settings.principal_host
        requests.append(_tcp(host, settings.logs_listening_port, 5562))
        live.append(_tcp(host, settings.logs_publishing_port, 5563))
    return requests, live
