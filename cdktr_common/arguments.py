"""The arguments of a command by its usage text, and wrong ones told in plain words.

The parser knows which words were left over, not why; what it says of them is put here into a
sentence about what was typed. An option or argument that names something is never empty: `--key
"$KEY"` with the variable unset is a mistake, not a wish. Knows usage texts, no single command.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from cdktr_common import cli
from cdktr_common.errors import USAGE

_NAMES = (
    "--home", "--host-port", "--principal", "--key", "--workflow", "--flow", "--run", "--task",
    "--workdir", "--file", "--params", "EVENT", "WORKFLOW", "RUN", "TASK", "AGENT", "COMMAND",
)  # fmt: skip

_TOO_MANY = "one argument too many"

_LEFT = re.compile(
    r"Option\((?P<short>None|'[^']*'), (?P<long>None|'[^']*'), \d"
    r"|Argument\(None, (?P<word>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")\)"
)


def parse(usage: str, argv: Sequence[str], *, options_first: bool = False) -> cli.Args:
    """Arguments by the usage text. Wrong usage: a sentence, the usage, and exit code 2."""
    import docopt

    program = usage.split()[0].rstrip(":")
    try:
        args: cli.Args = dict(
            docopt.docopt(usage, argv=list(argv), default_help=False, options_first=options_first)
        )
    except docopt.DocoptExit as refused:
        _refuse_unknown_option(program, usage, argv)
        sentence = plain(usage, str(refused).strip().partition("\n")[0])
        if sentence.startswith(_TOO_MANY) and _one_more_would_do(usage, argv, options_first):
            sentence = "an argument is missing"
        print(f"{program}: {sentence}\n{cli.usage_section(usage)}", file=sys.stderr)
        named = usage.strip().partition(" - ")[0]  # `cdktr-ctl lost`, where it begins so
        named = named if named.startswith(program) and "\n" not in named else program
        print(f"Try: {named} --help", file=sys.stderr)
        sys.exit(USAGE)
    for name in _NAMES:
        value = args.get(name)
        if value == "" or (isinstance(value, list) and "" in value):
            cli.fail(program, f"{name} is empty", USAGE)
    return args


def _one_more_would_do(usage: str, argv: Sequence[str], options_first: bool) -> bool:
    """What is left over can be the first of several words that go together."""
    import docopt

    try:
        docopt.docopt(usage, argv=[*argv, "x"], default_help=False, options_first=options_first)
    except docopt.DocoptExit:
        return False
    return True


def _refuse_unknown_option(program: str, usage: str, argv: Sequence[str]) -> None:
    known = sorted(set(re.findall(r"--[a-z][a-z0-9-]*", usage)))
    for word in argv[: argv.index("--") if "--" in argv else None]:
        option = word.split("=")[0]
        if option.startswith("--") and option not in known:
            cli.fail(program, f"unknown option {option}{cli.near(option, known)}", USAGE)


def plain(usage: str, said: str) -> str:
    """The first line of what the parser said of wrong arguments, as people say it."""
    if said.lower().startswith("usage:"):
        return "an argument is missing"
    if said.startswith("Warning: "):
        said = _left_over(usage, said)
    said = said.replace("requires argument", "needs a value")
    return said.replace("must not have an argument", "takes no value")


def _left_over(usage: str, words: str) -> str:
    pattern = cli.usage_section(usage)
    found = _LEFT.search(words)
    if found is None:
        return "these arguments do not go together"
    if found["word"] is not None:
        fixed = re.findall(r"(?<![\w\[-])[a-z]+(?![\w-])", pattern)
        if found["word"][1:-1] not in fixed:
            return f"{_TOO_MANY}: {found['word']}"
        return "only one of these words goes" if " | " in pattern else "an argument is missing"
    names = [name.strip("'") for name in (found["long"], found["short"]) if name != "None"]
    option = names[0]
    if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", usage):
        return f"unknown option {option}"
    if option in pattern:
        return f"{option} is given twice, or with an argument that it does not go with"
    return f"{option} is given twice"
