"""The hooks of a settings file: which events may be fired from outside, and who has to prove what.

A hook without a secret is refused unless it says `open: true`; secrets are never in the file, only
where they are. Every fault names its place, and no fault shows a secret. Knows no HTTP.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from cdktr_common.cli import near
from cdktr_common.durations import strict
from cdktr_common.errors import BAD_SETTINGS, Refusal

MOST_HOOKS: Final = 1000
MOST_SECRETS: Final = 10
MAX_BODY: Final = 256 << 10
"""As much as a run may be given."""

LISTEN: Final = "127.0.0.1:5580"
SECRET_HEADERS: Final = {
    "authorization", "proxy-authorization", "cookie", "stripe-signature", "x-hub-signature",
    "x-hub-signature-256",
}  # fmt: skip
"""They prove who somebody is, and have no business in a run."""


class HookFault(Refusal):
    """The settings of the hooks cannot be meant; ends the program with 78."""

    @property
    def exit(self) -> int:
        return BAD_SETTINGS


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """One event that may be fired from outside. `once`: what makes two posts the same one."""

    event: str
    style: str = "github"
    secrets: tuple[bytes, ...] = ()
    open: bool = False
    once: str = "delivery"
    tolerance_s: float = 300.0
    max_body: int = MAX_BODY
    rate: int = 1000
    per_s: float = 1.0
    headers: tuple[str, ...] = ()


class Hooks(msgspec.Struct, frozen=True, kw_only=True):
    """All of a file, and where to listen."""

    listen: str = LISTEN
    hooks: dict[str, Hook] = {}

    @property
    def open_ones(self) -> list[str]:
        """Events that anybody may fire."""
        return sorted(event for event, hook in self.hooks.items() if hook.open)


def read(file: Path, environ: Mapping[str, str]) -> Hooks:
    """The hooks of a file. Raises HookFault, OSError."""
    import yaml

    try:
        content = yaml.safe_load(file.read_text())
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as fault:
        raise HookFault(f"{file}: {fault}") from None
    if not isinstance(content, dict) or not isinstance(content.get("hooks"), dict):
        raise HookFault(f"{file}: `hooks:` with a mapping of events is needed")
    for key in content:
        if key not in ("hooks", "listen"):
            raise HookFault(f"{file}: unknown key '{key}'{near(str(key), ['hooks', 'listen'])}")
    rows = content["hooks"]
    if not 0 < len(rows) <= MOST_HOOKS:
        raise HookFault(f"{file}: 1 to {MOST_HOOKS} hooks are needed")
    hooks = {}
    for event, row in rows.items():
        one = _Row(f"{file}: hook {event}: ", file.parent, environ)
        hooks[str(event)] = one.hook(event, row if row is not None else {})
    listen = content.get("listen", LISTEN)
    address(listen if isinstance(listen, str) else repr(listen))
    return Hooks(listen=listen, hooks=hooks)


def address(listen: str) -> tuple[str, int]:
    """`HOST:PORT` taken apart, `[::1]:PORT` too. Raises HookFault."""
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise HookFault(f"listen: '{listen}' is not HOST:PORT")
    return host.strip("[]"), int(port)


def is_local(host: str) -> bool:
    """Can only programs of this machine reach it?"""
    return host in ("localhost", "::1") or host.startswith("127.")


class _Row:
    """Reads one hook; `where` begins every complaint."""

    def __init__(self, where: str, directory: Path, environ: Mapping[str, str]) -> None:
        self._where = where
        self._directory = directory
        self._environ = environ

    def _refuse(self, text: str) -> HookFault:
        return HookFault(self._where + text)

    def hook(self, event: Any, row: Any) -> Hook:
        known = {"style", "secret", "open", "once", "tolerance", "max_body", "rate", "per_s",
                 "headers"}  # fmt: skip
        if not isinstance(event, str) or not 0 < len(event) <= 200 or event.startswith("run."):
            raise self._refuse("no name of an event; names beginning with `run.` are not taken")
        if not event.isprintable():
            raise self._refuse("the name of an event is one line")
        if not isinstance(row, dict):
            raise self._refuse("not a mapping")
        for key in row:
            if key not in known:
                raise self._refuse(f"unknown key '{key}'{near(str(key), sorted(known))}")
        secrets = tuple(self._secret(one) for one in self._listed(row, "secret", MOST_SECRETS))
        is_open = row.get("open", False)
        if not isinstance(is_open, bool):
            raise self._refuse("open is true or false")
        if is_open and secrets:
            raise self._refuse("either a secret or `open: true`")
        if not secrets and not is_open:
            raise self._refuse(
                "has no secret, so anybody who reaches the port could fire it; name one "
                "(`secret: env:NAME` or `secret: file:PATH`), or accept this with `open: true`"
            )
        return Hook(
            event=event,
            style=self._one_of(row, "style", ("github", "stripe")),
            secrets=secrets,
            open=is_open,
            once=self._one_of(row, "once", ("delivery", "body")),
            tolerance_s=self._span(row.get("tolerance", 300)),
            max_body=self._whole(row, "max_body", MAX_BODY, MAX_BODY),
            rate=self._whole(row, "rate", 1000, 1_000_000),
            per_s=self._seconds(row.get("per_s", 1)),
            headers=tuple(self._header(one) for one in self._listed(row, "headers", 50)),
        )

    def _listed(self, row: dict[str, Any], key: str, most: int) -> list[str]:
        said = row.get(key, [])
        said = [said] if isinstance(said, str) else said
        if not isinstance(said, list) or not all(isinstance(one, str) for one in said):
            raise self._refuse(f"{key} is a text or a list of texts")
        if len(said) > most:
            raise self._refuse(f"{key} has more than {most} entries")
        return said

    def _secret(self, reference: str) -> bytes:
        kind, _, name = reference.partition(":")
        if kind not in ("env", "file") or not name:
            raise self._refuse("a secret is said by where it is: env:NAME or file:PATH")
        if kind == "env":
            secret = os.fsencode(self._environ.get(name, ""))
        else:
            try:
                path = self._directory / os.path.expanduser(name)
                secret = path.read_bytes().removesuffix(b"\n").removesuffix(b"\r")
            except OSError as fault:
                raise self._refuse(f"secret {reference}: {fault.strerror}") from None
        if not secret:
            raise self._refuse(f"secret {reference} is not set or empty")
        return secret

    def _one_of(self, row: dict[str, Any], key: str, words: tuple[str, ...]) -> str:
        said = row.get(key, words[0])
        if said not in words:
            raise self._refuse(f"{key} is '{said}', and can be {' or '.join(words)}")
        return str(said)

    def _whole(self, row: dict[str, Any], key: str, default: int, most: int) -> int:
        said = row.get(key, default)
        if not isinstance(said, int) or isinstance(said, bool) or not 0 < said <= most:
            raise self._refuse(f"{key} is a whole number from 1 to {most:,}")
        return said

    def _seconds(self, said: Any) -> float:
        if isinstance(said, bool) or not isinstance(said, int | float) or not 0.1 <= said <= 3600:
            raise self._refuse("per_s is a number of seconds from 0.1 to 3600")
        return float(said)

    def _span(self, said: Any) -> float:
        span = strict(str(said))
        if span is None or not 1 <= span <= 86_400:
            raise self._refuse("tolerance is a length of time from 1s to 24h: 90, 30s, 5m")
        return span

    def _header(self, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9-]{1,100}", name):
            raise self._refuse(f"headers: '{name[:40]}' is no name of a header")
        if name.lower() in SECRET_HEADERS:
            raise self._refuse(f"headers: {name} is a proof, which no run is given")
        return name.lower()
