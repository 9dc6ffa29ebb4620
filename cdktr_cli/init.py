"""cdktr init: a settings file in which everything is commented out, and a first workflow.

Nothing that exists is touched. Settings stay commented out because the file beats the environment.
"""

from __future__ import annotations

from pathlib import Path

from cdktr_common import arguments, cli
from cdktr_common.errors import OK
from cdktr_common.settings import HELP, Settings

CONFIG = "cdktr.config.yaml"
WORKFLOW = "workflows/hello.yaml"

usage = f"""\
cdktr init - write {CONFIG} and {WORKFLOW}; what exists is kept

Examples:
  cdktr init
  cdktr init ~/jobs

Usage:
  cdktr init [options] [DIR]

Options:
{cli.OPTIONS}"""

HELLO = """\
# A first workflow. Its id is `hello`: the path below the workflow directory without extension.
#
#   cdktr-check workflows/             every fault of every file, before anything runs
#   cdktr-ctl reload                   have the principal look now (it looks by itself, too)
#   cdktr-trigger --workflow hello --wait
#   cdktr-trigger greet --payload '{"name": "world"}'

name: hello
description: Greets, looks around twice at the same time, says goodbye.

# Every event that starts it. `cdktr-trigger greet` is one way to fire an event.
events: [greet]

# And by the clock, each night: `cdktr-cron next hello` tells when.
# cron: "30 2 * * *"
# timezone: Europe/Berlin

# env: {LANG: C.UTF-8}     environment of all tasks
# workdir: /srv/jobs       where they run; default: where the agent was started
# timeout: 10m             ended after so long (exit code 124)

tasks:
  greet:
    name: Greet
    description: The payload of the event is in CDKTR_PAYLOAD, as JSON.
    command: echo "hello, run $CDKTR_RUN_ID, payload ${CDKTR_PAYLOAD:-none}"

  # These two wait for `greet` and then run side by side.
  kernel:
    depends: [greet]
    config: !Subprocess            # a program and its arguments, without a shell
      cmd: uname
      args: [-sr]
  disk:
    depends: [greet]
    command: df -h . | tail -n 1   # a line for the shell

  # A failed task skips what depends on it; everything else goes on.
  goodbye:
    depends: [kernel, disk]
    command: echo goodbye
"""


def settings_text() -> str:
    """The settings file: each setting with its help and default, commented out."""
    import yaml

    defaults = Settings()
    lines = [
        "# Settings of CDKTR. What stands here beats the environment (CDKTR_*), and the command",
        "# line beats both. `cdktr config list` shows what is in force and where it came from.",
        "# Each line is commented out and shows the default.",
    ]
    for name, text in HELP.items():
        value = yaml.safe_dump({name: getattr(defaults, name)}, default_flow_style=False).strip()
        lines += ["", f"# {text}", f"#{value}"]
    return "\n".join(lines) + "\n"


def main(argv: list[str]) -> int:
    """Run the command."""
    cli.show_and_exit(usage, argv)
    args = arguments.parse(usage, ["init", *argv])
    directory = Path(args["DIR"] or ".")
    for name, text in ((CONFIG, settings_text()), (WORKFLOW, HELLO)):
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with open(path, "x") as file:
                file.write(text)
        except FileExistsError:
            print(f"kept {path}: it exists")
        else:
            print(f"wrote {path}")
    print("next: cdktr start principal --with-agent")
    return OK
