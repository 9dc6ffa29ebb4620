"""cdktr-tui: options and settings, then the program on the screen.

Textual is imported only after its settings are in the environment, and not at all for `--help`.
"""

from __future__ import annotations

import locale
import os
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

from cdktr_common import cli
from cdktr_common.arguments import parse
from cdktr_common.errors import USAGE

PROGRAM = "cdktr-tui"

usage = f"""\
cdktr-tui - see and control what a principal, or several, are doing

Keys: 1 to 6 are the views, enter goes into what the cursor is on, esc goes back, ? lists the keys
of the place you are at, : takes a command, ctrl+p finds anything, q quits.

Examples:
  cdktr-tui
  cdktr-tui --principal prod --read-only
  cdktr-tui -c 'runs state:failed since:24h'   # begin there
  cdktr-tui --once --plain -c agents           # one frame as text, for scripts and screen readers
  cdktr-tui --record monday.ndjson             # and later: --replay monday.ndjson --speed 10

Usage:
  cdktr-tui [options]

Options:
  -c --command COMMAND    Begin with this, as typed after `:`.
  --theme NAME            Colours: cdktr-dark, cdktr-light, cdktr-ansi, cdktr-deuteranopia,
                          cdktr-tritanopia, one of Textual's, or one of your settings.
  --color WHEN            auto, always or never (as NO_COLOR does) [default: auto].
  --ascii                 Draw with ASCII characters only.
  --fps N                 At most so many frames a second; default 20, or 5 over ssh.
  --no-mouse              Leave the mouse to the terminal, to select text as usual.
  --read-only             Change nothing, whatever key is pressed.
  --once                  Draw one frame when the data is there, and leave. Exits with 1 when it
                          did not come in time, or the command failed.
  --plain                 With --once: as text without colours.
  --size COLSxROWS        With --once: that large, not as this terminal.
  --record FILE           Write down all that comes, for --replay.
  --replay FILE           Show a recording instead of a principal.
  --speed N               So many times as fast as it was [default: 1].
{cli.OPTIONS}
Settings of this program are in $CDKTR_HOME/tui.yaml; docs/tui.md lists them. Exit codes: 0 done -
1 what was asked for did not come (--once) - 2 usage - 78 bad settings - 125 a fault of cdktr-tui
itself.
"""


def main(argv: list[str]) -> int:
    """Run the program."""
    cli.show_and_exit(usage, argv)
    args = parse(usage, argv)
    if args["--color"] not in ("auto", "always", "never"):
        cli.fail(PROGRAM, f"--color is auto, always or never, not {args['--color']}", USAGE)
    if args["--plain"] and not args["--once"]:
        cli.fail(PROGRAM, "--plain needs --once: a live view is drawn on a terminal", USAGE)
    if not args["--once"] and not (sys.stdin.isatty() and sys.stdout.isatty()):
        cli.fail(PROGRAM, "this is no terminal; `--once --plain` writes one frame as text", USAGE)
    environment(args, os.environ)
    from cdktr_tui import starting  # imports Textual

    return starting.start(args)


def environment(args: Mapping[str, Any], environ: os._Environ[str] | dict[str, str]) -> None:
    """Say to Textual what it reads from the environment when it is imported."""
    environ.setdefault("TEXTUAL_ANIMATIONS", "none")
    environ.setdefault("TEXTUAL_SMOOTH_SCROLL", "0")
    environ.setdefault("TEXTUAL_FPS", "60")
    if args["--color"] == "never":
        environ["NO_COLOR"] = "1"
    elif args["--color"] == "always":
        environ.pop("NO_COLOR", None)
    locale.setlocale(locale.LC_CTYPE, "")


def run() -> NoReturn:
    """The program."""
    cli.program_main(PROGRAM, main)


if __name__ == "__main__":
    run()
