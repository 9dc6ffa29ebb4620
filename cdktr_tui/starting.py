"""From options and settings to the running program: which principals there are, how the terminal is
to be treated, where news come from.
"""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from cdktr_common import cli
from cdktr_common.errors import USAGE
from cdktr_common.principals import principal_of
from cdktr_common.settings import Loaded, principal_endpoint
from cdktr_tui import once
from cdktr_tui import settings as own_settings
from cdktr_tui.app import CdktrApp
from cdktr_tui.feed.feed import Feed
from cdktr_tui.feed.recording import Recorder
from cdktr_tui.feed.replay import Replay
from cdktr_tui.options import Options
from cdktr_tui.session import FeedLike, Place
from cdktr_tui.terminal.program import SMALLEST

PROGRAM = "cdktr-tui"
SSH_FPS, FPS = 5.0, 20.0


def start(args: Mapping[str, Any]) -> int:
    """Run the program; its exit code."""
    if args["--replay"]:
        return _replay(args)
    loaded = cli.load_settings(args)
    recorder = Recorder(args["--record"]) if args["--record"] else None

    def feed_of(place: Place, wake: Callable[[], None]) -> FeedLike:
        feed = Feed(place.endpoint, wake)
        return recorder.around(feed) if recorder is not None and place == first else feed

    all_places = places(args, loaded)
    first = all_places[0]
    app = CdktrApp(all_places, options(args, own_settings.read(loaded.settings.home)), feed_of)
    app.faults = Path(loaded.settings.home) / "log"
    try:
        return _run(app, args)
    finally:
        if recorder is not None:
            recorder.close()


def _replay(args: Mapping[str, Any]) -> int:
    speed = _number(args, "--speed", 0.01, 10_000)
    replay = Replay(args["--replay"], speed)
    place = Place(f"replay {replay.principal}".strip(), args["--replay"], read_only=True)

    def feed_of(_place: Place, wake: Callable[[], None]) -> FeedLike:
        replay.wake = wake
        return replay

    return _run(CdktrApp([place], options(args, own_settings.Own()), feed_of, replay.now), args)


def _run(app: CdktrApp, args: Mapping[str, Any]) -> int:
    if args["--once"]:
        return once.show(app, _size(args), plain=bool(args["--plain"]))
    app.run(mouse=app.options.mouse)
    return app.return_code or 0


def places(args: Mapping[str, Any], loaded: Loaded) -> list[Place]:
    """The principal that was asked for, then those of the settings."""
    settings = loaded.settings
    known = [
        Place(name, at.endpoint, at.color, at.protected, at.read_only)
        for name, entry in sorted(settings.principals.items())
        for at in (principal_of(entry),)
    ]
    named = [place for place in known if place.name == args["--principal"]]
    if named:
        return [*named, *(place for place in known if place is not named[0])]
    endpoint = principal_endpoint(settings)
    name = "local" if endpoint.startswith("ipc://") else endpoint.removeprefix("tcp://")
    return [Place(name, endpoint), *(place for place in known if place.endpoint != endpoint)]


def options(args: Mapping[str, Any], own: own_settings.Own) -> Options:
    """What the command line, the terminal and the program's own settings say, in this order."""
    plain = "NO_COLOR" in os.environ or args["--plain"]
    fps = own.fps or (SSH_FPS if os.environ.get("SSH_CONNECTION") else FPS)
    if args["--fps"]:
        fps = _number(args, "--fps", 1, 60)
    theme = args["--theme"] or ("cdktr-ansi" if plain else own.theme or "cdktr-dark")
    if theme not in own_settings.names(own):
        near = get_close_matches(theme, own_settings.names(own), 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        cli.fail(PROGRAM, f"--theme: there is no theme '{theme}'{hint}", USAGE)
    return Options(
        theme=theme,
        glyphs="ascii" if args["--ascii"] else own.glyphs,
        utf8=locale.getpreferredencoding(False).lower().replace("-", "") == "utf8",
        term=os.environ.get("TERM", ""),
        fps=fps,
        read_only=bool(args["--read-only"]),
        mouse=own.mouse and not args["--no-mouse"],
        view=args["--command"] or "",
        own=own,
    )


def _size(args: Mapping[str, Any]) -> tuple[int, int]:
    text = args["--size"]
    if text is None and not sys.stdout.isatty():
        return 80, 24
    if text is None:
        size: tuple[int, int] = os.get_terminal_size(sys.stdout.fileno())
    else:
        columns, _, rows = text.partition("x")
        if not (columns.isdecimal() and rows.isdecimal() and len(columns) < 5 > len(rows)):
            cli.fail(PROGRAM, f"--size is COLSxROWS, as 80x24, not {text}", USAGE)
        size = int(columns), int(rows)
    if size[0] < SMALLEST[0] or size[1] < SMALLEST[1] or max(size) >= 2000:
        least = f"{SMALLEST[0]}x{SMALLEST[1]}"
        cli.fail(PROGRAM, f"--size is {least} at least and less than 2000x2000, not "
                          f"{size[0]}x{size[1]}", USAGE)  # fmt: skip
    return size


def _number(args: Mapping[str, Any], name: str, least: float, most: float) -> float:
    try:
        number = float(args[name])
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        cli.fail(PROGRAM, f"{name} is a number from {least:g} to {most:g}, not {args[name]}", USAGE)
    return number
