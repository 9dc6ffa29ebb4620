"""The arguments of a command by its usage text, and wrong ones told in plain words.

The parser knows which words were left over, not why; what it says of them is put here into a
sentence about what was typed. An option or argument that names something is never empty: `--key
"$KEY"` with the variable unset is a mistake, not a wish. Knows usage texts, no single command.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr

from cdktr_common import cli
from cdktr_common.errors import USAGE

_NAMES = (
    "--home", "--host-port", "--principal", "--key", "--workflow", "--flow", "--run", "--task",
    "--workdir", "EVENT", "WORKFLOW", "RUN", "COMMAND",
)  # fmt: skip

_LEFT = re.compile(
    r"Option\((?P<short>None|'[^']*'), (?P<long>None|'[^']*'), \d"
    r"|Argument\(None, (?P<word>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")\)"
)


def parse(usage: str, argv: Sequence[str], *, options_first: bool = False) -> cli.Args:
    """Arguments by the usage text. Wrong usage: a sentence, the usage, and exit code 2."""
    said = io.StringIO()
    program = usage.split()[0]
    try:
        with redirect_stderr(said):
            args = cli.parse(usage, argv, options_first=options_first)
    except SystemExit:
        print(plain(program, usage, said.getvalue()), end="", file=sys.stderr)
        raise
    for name in _NAMES:
        value = args.get(name)
        if value == "" or (isinstance(value, list) and "" in value):
            cli.fail(program, f"{name} is empty", USAGE)
    return args


def plain(program: str, usage: str, said: str) -> str:
    """What the parser said of wrong arguments, as people say it."""
    first, newline, rest = said.partition("\n")
    if first.lower().startswith("usage:"):
        return f"{program}: an argument is missing\n{said}"
    if first.startswith(f"{program}: ") or not newline:
        return said
    if first.startswith("Warning: "):
        first = _left_over(usage, first)
    first = first.replace("requires argument", "needs a value")
    return f"{program}: {first.replace('must not have an argument', 'takes no value')}\n{rest}"


def _left_over(usage: str, words: str) -> str:
    pattern = cli.usage_section(usage)
    found = _LEFT.search(words)
    if found is None:
        return "these arguments do not go together"
    if found["word"] is not None:
        fixed = re.findall(r"(?<![\w\[-])[a-z]+(?![\w-])", pattern)
        if found["word"][1:-1] not in fixed:
            return f"one argument too many: {found['word']}"
        return "only one of these words goes" if " | " in pattern else "an argument is missing"
    names = [name.strip("'") for name in (found["long"], found["short"]) if name != "None"]
    option = names[0]
    if not re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", usage):
        return f"unknown option {option}"
    if option in pattern:
        return f"{option} is given twice, or with an argument that it does not go with"
    return f"{option} is given twice"
