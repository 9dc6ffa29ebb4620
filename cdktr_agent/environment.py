"""What a task finds: its variables, its files, its secrets.

Later ones count: the agent's own environment, the files of `dotenv`, the workflow's variables, the
task's; and last what says which attempt it is, as nothing may pose as another. Secrets are looked
up here and nowhere before, and stay in the environment, in the files they belong to, and in what
strikes them out of the output. Whatever is not there fails the task, saying what.
"""

from __future__ import annotations

import errno
import math
import os
import stat
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec

from cdktr_agent import direct, dotenv
from cdktr_agent.local import Hold
from cdktr_agent.places import NAMES
from cdktr_common.catalogue.values import RunContext, StepSpec, TaskSpec

if TYPE_CHECKING:
    from cdktr_agent.custody import Held
    from cdktr_agent.places import Place

PAYLOAD_IN_ENV: Final = 32 << 10
"""A payload up to this size is also given as CDKTR_PAYLOAD."""

SECRET_MOST: Final = 64 << 10

SCRIPT: Final = ".script"
"""The file of a script, in the task's directory."""

_OWN: Final = (
    *("RUN_ID", "WORKFLOW", "TASK_ID", "ATTEMPT", "FENCE", "IDEMPOTENCY_KEY", "EVENT"),
    *("PAYLOAD", "PAYLOAD_FILE", "AGENT", "LEASE_S", "TASK_DIR", "OUTPUT", "PROGRESS"),
    *("ITEM", "ITEM_INDEX"),
)
_OWN_BEGIN: Final = (b"CDKTR_PARAM_", b"CDKTR_OUT_")

_NULL: Final = os.makedev(1, 3)

TRANSIENT: Final = (
    *(errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT),
)
"""The machine has no room for a process or its files now; not the task's fault."""


class Unfit(Exception):
    """What the task was to find cannot be had."""


def base_environment(aid: str) -> dict[bytes, bytes]:
    """The agent's own environment without what is meant for the agent alone, or for the task it
    may have been started by."""
    env = {k: v for k, v in os.environb.items() if not k.startswith(_OWN_BEGIN)}
    for name in (b"NOTIFY_SOCKET", b"TORK_OUTPUT", b"TORK_PROGRESS"):
        env.pop(name, None)
    for own in _OWN:
        env.pop(b"CDKTR_" + own.encode(), None)
    env[b"CDKTR_AGENT"] = aid.encode()
    return env


class Shared:
    """What all attempts of one run share here: the environment so far and the payload's file."""

    def __init__(
        self, base: Mapping[bytes, bytes], run: str, context: RunContext, path: str
    ) -> None:
        self.workflow = context.workflow
        self.workdir = context.workdir
        self.dotenv = context.dotenv
        self.sealed = context.sealed
        self.users = 0
        self.base = base
        self._file: str | None = None
        self.given = given = encoded(context.env)
        self.own = own = {
            b"CDKTR_RUN_ID": run.encode(),
            b"CDKTR_WORKFLOW": os.fsencode(context.workflow),
            b"CDKTR_EVENT": os.fsencode(context.event or ""),
        }
        if context.payload is not None:
            body = msgspec.json.encode(context.payload)
            self._file = path
            try:
                _write(path, body, os.O_TRUNC)
            except OSError:
                self.discard()
                raise
            own[b"CDKTR_PAYLOAD_FILE"] = os.fsencode(path)
            if len(body) <= PAYLOAD_IN_ENV and b"\0" not in body:
                own[b"CDKTR_PAYLOAD"] = body
        self.env = {**base, **given, **own}
        self.odd = direct.odd(self.env)

    def discard(self) -> None:
        """The last attempt has ended."""
        if self._file is not None:
            with suppress(FileNotFoundError):
                os.unlink(self._file)


class Looked:
    """The secrets of one attempt, looked up once each. `values` is what is to be struck out."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    @property
    def values(self) -> Iterable[bytes]:
        return self._known.values()

    def text(self, pieces: list[str]) -> bytes:
        """The pieces put together, every second one looked up. Raises Unfit."""
        return b"".join(
            self._value(piece) if index % 2 else os.fsencode(piece)
            for index, piece in enumerate(pieces)
        )

    def env(self, sealed: Mapping[str, list[str]]) -> dict[bytes, bytes]:
        """Variables with secrets in them. Raises Unfit."""
        found = {}
        for name, pieces in sealed.items():
            value = self.text(pieces)
            if b"\0" in value:
                raise Unfit(f"env {name}: {', '.join(pieces[1::2])}: no text without NUL")
            found[os.fsencode(name)] = value
        return found

    def _value(self, reference: str) -> bytes:
        if reference not in self._known:
            self._known[reference] = _secret(reference)
        return self._known[reference]


def _secret(reference: str) -> bytes:
    kind, _, name = reference.partition(":")
    if kind == "env":
        value = os.environb.get(os.fsencode(name))
        if value is None:
            raise Unfit(f"secret {reference}: the agent's environment has no {name}")
        return value
    if kind != "file":
        raise Unfit(f"secret {reference}: neither env:NAME nor file:PATH")
    value = _contents(name, SECRET_MOST, f"secret {reference}")
    return value[:-2] if value.endswith(b"\r\n") else value.removesuffix(b"\n")


def environment(held: Held, shared: Shared, place: Place, looked: Looked) -> dict[bytes, bytes]:
    """All variables of an attempt. Raises Unfit; files of `dotenv` are read from where we stand."""
    spec = held.spec
    if spec.dotenv or shared.dotenv or shared.sealed:
        env = dict(shared.base)
        for name in (*shared.dotenv, *spec.dotenv):
            env.update(_variables(name))
        env.update(shared.given)
        env.update(looked.env(shared.sealed))
    else:
        env = shared.env.copy()
    for key, value in spec.env.items():
        env[os.fsencode(key)] = os.fsencode(value)
    if spec.sealed:
        env.update(looked.env(spec.sealed))
    env.update(shared.own)
    env.update(place.env)
    task = os.fsencode(spec.task)
    env[b"CDKTR_TASK_ID"] = task
    env[b"CDKTR_ATTEMPT"] = b"%d" % spec.n
    env[b"CDKTR_FENCE"] = b"%d" % spec.fence
    env[b"CDKTR_IDEMPOTENCY_KEY"] = env[b"CDKTR_RUN_ID"] + b"/" + task
    endless = math.isinf(held.deadline)
    env[b"CDKTR_LEASE_S"] = b"none" if endless else b"%g" % spec.lost_after_s
    return env


def of_step(step: StepSpec, env: dict[bytes, bytes], looked: Looked) -> dict[bytes, bytes]:
    """The variables of a step: those of its task and its own. Raises Unfit."""
    own = {**encoded(step.env), **looked.env(step.sealed)}
    if not own:
        return env
    # What says which attempt it is stays as it is: the tree is known by it.
    kept = {k: v for k, v in own.items() if not (k.startswith(b"CDKTR_") and k in env)}
    return {**env, **kept}


def encoded(env: Mapping[str, str]) -> dict[bytes, bytes]:
    """Variables as the system has them."""
    return {os.fsencode(name): os.fsencode(value) for name, value in env.items()}


def _variables(name: str) -> dict[bytes, bytes]:
    try:
        return encoded(dotenv.parse(_contents(name, dotenv.MOST, f"dotenv {name}")))
    except dotenv.BadLine as fault:
        raise Unfit(f"dotenv {name}: {fault}") from None


def _contents(path: str, most: int, what: str) -> bytes:
    """A regular file, or /dev/null. Raises Unfit, beginning with `what`, or OSError when there is
    no room."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (OSError, ValueError) as fault:
        if isinstance(fault, OSError) and fault.errno in TRANSIENT:
            raise
        why = fault.strerror if isinstance(fault, OSError) else fault
        raise Unfit(f"{what}: {why}") from None
    seen = os.fstat(fd)
    if not stat.S_ISREG(seen.st_mode) and seen.st_rdev != _NULL:
        os.close(fd)
        raise Unfit(f"{what}: not a regular file")
    with open(fd, "rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise Unfit(f"{what}: more than {most} bytes")
    return data


# Files


def write_files(spec: TaskSpec, place: Place, looked: Looked) -> None:
    """Those that the task is to find in its directory. Raises Unfit or OSError."""
    bodies = {name: os.fsencode(text) for name, text in spec.files.items()}
    bodies |= {name: looked.text(pieces) for name, pieces in spec.sealed_files.items()}
    for name, body in bodies.items():
        parts = name.split("/")
        if len(parts) > 5 or any(part in ("", ".", "..") for part in parts) or "\0" in name:
            raise Unfit(f"file {name!r}: no name within the task's directory")
        if parts[0].startswith(".cdktr-") or parts[0] in (SCRIPT, *NAMES):
            raise Unfit(f"file {name}: this name belongs to the agent")
        if any(other.startswith(f"{name}/") for other in bodies):
            raise Unfit(f"file {name}: it is the directory of another")
        try:
            os.makedirs(os.path.dirname(f"{place.path}/{name}"), mode=0o700, exist_ok=True)
            _write(f"{place.path}/{name}", body, os.O_EXCL | os.O_NOFOLLOW)
        except OSError as fault:
            if fault.errno in TRANSIENT:
                raise
            raise Unfit(f"file {name}: {fault.strerror}") from None


def write_script(place: Place, text: str) -> str:
    """A script as a file; where it stands. One that runs on keeps its own. Raises OSError."""
    path = f"{place.path}/{SCRIPT}"
    with suppress(FileNotFoundError):
        os.unlink(path)
    _write(path, os.fsencode(text), os.O_EXCL | os.O_NOFOLLOW, 0o700)
    return path


def _write(path: str, body: bytes, flags: int, mode: int = 0o600) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | flags, mode)
    with open(fd, "wb") as file:
        file.write(body)


def identity(spec: TaskSpec | Hold) -> Iterable[bytes]:
    """What the environment of every process of this attempt holds, unless it was removed."""
    return (
        b"CDKTR_RUN_ID=" + spec.run.encode(),
        b"CDKTR_TASK_ID=" + os.fsencode(spec.task),
        b"CDKTR_ATTEMPT=%d" % spec.n,
        b"CDKTR_FENCE=%d" % spec.fence,
    )
