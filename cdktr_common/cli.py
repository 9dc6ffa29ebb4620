"""The habits every program shares: usage text as parser, exit codes, errors, the ready line.

Data goes to stdout, everything else to stderr. A `Refusal` becomes one line and an exit code; any
other exception is a bug and shows. What only some programs need is imported where it is used:
`--help` has to be instant.
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NoReturn

from cdktr_common import __version__
from cdktr_common.errors import (
    BAD_SETTINGS,
    BUSY,
    CANCELLED,
    CLOSED_PIPE,
    DENIED,
    USAGE,
    ProtocolError,
    Refusal,
)

if TYPE_CHECKING:
    from cdktr_common.settings import Loaded, Settings

OPTIONS = """\
  --host-port HOST:PORT   Principal to talk to, over TCP.
  --principal NAME        Principal to talk to, by its name in the settings.
  --home DIR              State and sockets; default CDKTR_HOME or ~/.cdktr.
  -h --help               Show this text.
  --version               Show the version.
  --protocol              Show the protocol that the programs speak.
"""
"""Options that every program takes; a usage text ends with them."""

Args = dict[str, Any]


def show_and_exit(usage: str, argv: Sequence[str]) -> None:
    """Answer --help, --version and --protocol wherever they stand before a `--`."""
    words = list(argv)
    words = words[: words.index("--")] if "--" in words else words
    if "--help" in words or "-h" in words:
        print(usage.strip())
    elif "--version" in words:
        print(f"cdktr {__version__}")
    elif "--protocol" in words:
        from importlib.resources import files

        print(files("cdktr_common").joinpath("PROTOCOL.md").read_text())
    else:
        return
    sys.exit(0)


def usage_section(usage: str) -> str:
    """The `Usage:` part of a usage text."""
    lines = usage.strip().split("\n")
    start = next(i for i, line in enumerate(lines) if line.lower().startswith("usage:"))
    end = next((i for i in range(start, len(lines)) if not lines[i].strip()), len(lines))
    return "\n".join(lines[start:end])


def harmless(words: str) -> str:
    """Text from elsewhere on one line, unable to steer a terminal."""
    if words.isprintable():
        return words
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in words)


def near(word: str, known: Sequence[str]) -> str:
    """`; did you mean …?` or nothing."""
    import difflib

    matches = difflib.get_close_matches(word, known, 1, 0.6)
    return f"; did you mean {matches[0]}?" if matches else ""


def fail(program: str, message: str, code: int) -> NoReturn:
    """Say what happened, on stderr, and exit. What came from outside cannot steer the terminal."""
    safe = "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in message)
    print(f"{program}: {safe}", file=sys.stderr)
    sys.exit(code)


def load_settings(args: Mapping[str, Any], changes: bool = False, **overrides: Any) -> Loaded:
    """Settings with what the common options of the command line say; a program that `changes`
    something, runs tasks or fires events is refused where by the name that was given nothing is to
    be changed. Raises SettingsError, and ProtocolError denied."""
    from cdktr_common.settings import SettingsError, known_principals, load

    given: dict[str, Any] = dict(overrides)
    given["home"] = args.get("--home")
    if args.get("--insecure"):
        given["insecure"] = True
    if args.get("--host-port"):
        given["principal_host"], given["principal_port"] = split_host_port(args["--host-port"])
    name = args.get("--principal")
    if not name:
        return load(given)
    loaded = load(given)
    chosen = known_principals(loaded.settings).get(name)
    if chosen is None:
        known = sorted(loaded.settings.principals)
        raise SettingsError(f"no principal '{name}' in the settings{near(name, known)}")
    if changes and chosen.read_only:
        words = f"principal '{name}' is read_only in the settings: nothing is changed there"
        raise ProtocolError("denied", words)
    loaded.chosen = chosen
    if chosen.home is not None:
        _settle(loaded, home=chosen.home, principal_host=None, principal_port=None)
    else:
        host, port = split_host_port(chosen.address.removeprefix("tcp://"))
        _settle(loaded, principal_host=host, principal_port=port)
    return loaded


def _settle(loaded: Loaded, **values: Any) -> None:
    for name, value in values.items():
        setattr(loaded.settings, name, value)
        loaded.sources[name] = "command line"


def split_host_port(text: str) -> tuple[str, int]:
    """`HOST:PORT` or `HOST`, taken apart. Raises SettingsError."""
    from cdktr_common import principals
    from cdktr_common.settings import SettingsError

    try:
        return principals.split_host_port(text)
    except ValueError as fault:
        raise SettingsError(str(fault)) from None


def program_main(program: str, main: Callable[[list[str]], int], *, tidy: bool = True) -> NoReturn:
    """Run a program: its exit code, and the one place where refusals become lines. A short-lived
    command leaves without Python's tidying up (`tidy=False`): that is a quarter of its time."""
    _open_standard_streams()
    try:
        code = main(sys.argv[1:])
        sys.stdout.flush()
        if not tidy:
            sys.stderr.flush()
            os._exit(code)
        # What has come to its end cannot be stopped any more: while Python tidies up, a second
        # SIGTERM would make it look killed.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    except ProtocolError as fault:
        hint = f"; did you mean {', '.join(fault.near)}?" if fault.near else ""
        fail(program, fault.detail + hint, fault.exit)
    except Refusal as fault:
        fail(program, str(fault), fault.exit)
    except BrokenPipeError:
        # The reader of a pipe has seen enough. Keep the interpreter from saying so at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(CLOSED_PIPE)
    except UnicodeEncodeError:
        fail(program, "an argument is not valid UTF-8; names and payloads are text", USAGE)
    except OSError as fault:
        # The machine said no: a directory, a disk, stdout. What it said is all there is to say.
        where = f"{fault.filename}: " if fault.filename else "cannot write or read: "
        exits = {errno.EACCES: DENIED, errno.EPERM: DENIED, errno.ENOSPC: BUSY}
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        fail(program, f"{where}{fault.strerror}", exits.get(fault.errno or 0, BAD_SETTINGS))
    except KeyboardInterrupt:
        sys.exit(CANCELLED)
    sys.exit(code)


class _Heard(io.FileIO):
    """Standard error: what cannot be said there (a full disk, nobody reads) is not a failure of
    what has been done."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data) or 0
        except OSError:
            return len(data)


def _open_standard_streams() -> None:
    """Give a closed stdin, stdout or stderr (`>&-`) the place where nothing is read from or written
    to. Else the next file or socket would get its number, and what is printed would go there."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            descriptor = os.open(os.devnull, os.O_RDWR)
            if descriptor != number:
                os.dup2(descriptor, number)
                os.close(descriptor)
            stream = os.fdopen(number, "w" if number else "r", closefd=False)
            setattr(sys, name, stream)
    heard = io.BufferedWriter(_Heard(2, "w", closefd=False))
    sys.stderr = io.TextIOWrapper(
        heard, sys.stderr.encoding, "backslashreplace", line_buffering=True, write_through=True
    )


def ready(program: str, endpoints: Sequence[str]) -> None:
    """Tell that the program serves: a line on stdout, and sd_notify when asked for."""
    with suppress(OSError):
        print("ready", program, *endpoints, flush=True)
    sd_notify("READY=1")


def sd_notify(state: str) -> None:
    """Tell the service manager; without one, nothing."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    import socket

    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.connect("\0" + address[1:] if address[0] == "@" else address)
        notify.send(state.encode())


def refuse_open_tcp(program: str, settings: Settings, endpoints: Sequence[str]) -> None:
    """TCP without keys only when asked for, and then said loudly. Raises SettingsError."""
    tcp = [endpoint for endpoint in endpoints if endpoint.startswith("tcp://")]
    if not tcp:
        return
    if not settings.insecure:
        from cdktr_common.settings import SettingsError

        raise SettingsError(
            f"{tcp[0]} would be open to everyone who can reach it, and keys do not exist yet: "
            "leave host and port unset to use ipc sockets, or accept this with --insecure"
        )
    print(
        f"{program}: INSECURE: {', '.join(tcp)} has no authentication and no encryption. "
        "Anyone who can reach it can run commands on your agents.",
        file=sys.stderr,
    )


def client_endpoint(args: Mapping[str, Any], changes: bool = False) -> tuple[Settings, str]:
    """Settings and the principal's endpoint for a command; one that `changes` something is refused
    where the settings say that by this name nothing is to be changed."""
    from cdktr_common.settings import principal_endpoint

    loaded = load_settings(args, changes)
    return loaded.settings, principal_endpoint(loaded.settings)


class Log:
    """One line per event on stderr: time, program, level, text, key=value."""

    _LEVELS = ("debug", "info", "warning", "error")

    def __init__(self, program: str, level: str = "info") -> None:
        self._program = program
        self._least = self._LEVELS.index(level.lower())

    def __call__(self, level: str, text: str, **fields: Any) -> None:
        if self._LEVELS.index(level) < self._least:
            return
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        details = "".join(f" {key}={value}" for key, value in fields.items())
        with suppress(OSError):
            print(f"{stamp}Z {self._program} {level}: {text}{details}", file=sys.stderr, flush=True)
