"""Which options of cdktr-trigger do not go together, and why.

Looked at only when there are any besides the most usual ones. Pure: arguments in, a sentence out.
"""

from __future__ import annotations

from cdktr_common import cli


def fault(args: cli.Args) -> str:
    """The first contradiction; empty when there is none."""
    return _of_stdin(args) or _of_later(args) or _of_kinds(args)


def _of_stdin(args: cli.Args) -> str:
    piped = [name for name in ("--file", "--params", "--payload") if args[name] == "-"]
    piped += ["--stdin"] if args["--stdin"] else []
    if len(piped) > 1:
        return f"{' and '.join(piped)} cannot both be stdin"
    if not args["--stdin"]:
        return "-j goes with --stdin" if args["--jobs"] else ""
    for name in ("--payload", "--follow", "--json", "--timeout"):
        if args[name]:
            return f"{name} does not go with --stdin{_INSTEAD.get(name, '')}"
    if args["EVENT"] or args["--workflow"]:
        return ""
    for name in ("--param", "--params", "--at", "--delay", "--source"):
        if args[name]:
            return f"{name} needs EVENT or --workflow: lines that name them say it themselves"
    return ""


_INSTEAD = {
    "--payload": ": the lines are the payloads",
    "--json": ": each line has a result, as JSON, anyway",
}


def _of_later(args: cli.Args) -> str:
    later = "--at" if args["--at"] else "--delay" if args["--delay"] else ""
    if args["--at"] and args["--delay"]:
        return "--at and --delay say the same: give one of them"
    if later and args["--file"]:
        return f"{later} starts a workflow that is stored: put the file into the workflow directory"
    for name in ("--wait", "--follow", "--jobs"):
        if later and args[name]:
            short = "-j" if name == "--jobs" else name
            return f"{short} has nothing to wait for: with {later} there are no runs before then"
    return ""


def _of_kinds(args: cli.Args) -> str:
    if args["--strip-image"] and not args["--file"]:
        return "--strip-image goes with --file"
    for name in ("--source", "--require-listener"):
        if args[name] and (args["--workflow"] or args["--file"]):
            return f"{name} goes with an event"
    if args["--follow"] and args["--json"]:
        return "--follow prints output, --json a document: give one of them"
    return ""
