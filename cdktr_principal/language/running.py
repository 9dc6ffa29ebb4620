"""What a task or a step runs: command, config, script or python, lowered to what agents know.

Whatever is written, the outcome is `argv`, `command` or `script`, with the shell or the program
that takes them: agents know nothing of uv. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from cdktr_common.catalogue.values import Step
from cdktr_principal.language import fields
from cdktr_principal.language.fields import kind, scalar, scalars, text
from cdktr_principal.language.nodes import Faults, List, Map, Node, Scalar
from cdktr_principal.language.reading import PAGE, Key, read, unknown_keys, words
from cdktr_principal.language.source import SUBPROCESS, UV_PYTHON

MAX_SCRIPT: Final = 256 << 10
MAX_STEPS: Final = 100
MAX_IMAGE: Final = 1000
MAX_PACKAGES: Final = 200

NO_DOWNLOADS: Final = {"UV_PYTHON_DOWNLOADS": "never"}
"""What a task with uv finds set, unless its file says otherwise: a Python that is not there is then
told at once, instead of fetched."""

_DASH_C = re.compile(r"(?:ba|da|z|k|a|fi)?sh|python[0-9.]*|pypy[0-9.]*")
_DASH_E = re.compile(r"perl|ruby|node|lua[0-9.]*|Rscript")
_METADATA = re.compile(r"^# /// script\s*$", re.MULTILINE)


def shell(node: Node, faults: Faults) -> list[str]:
    """A shell: a word, words, or a list of words."""
    if isinstance(node, Scalar):
        return (scalar(node, faults, "shell") or "").split()
    return words("shell", "plain", 1)(node, faults)


def shell_of_command(listed: list[str]) -> list[str]:
    """The words before a command: those of a known shell get the option for it, if need be."""
    program = listed[0].rpartition("/")[2] if listed else ""
    for known, option in ((_DASH_C, "c"), (_DASH_E, "e")):
        if known.fullmatch(program):
            there = re.compile(r"-[A-Za-z]*c" if option == "c" else r"-[a-z]*e")
            if not any(there.fullmatch(word) for word in listed[1:]):
                return [*listed, f"-{option}"]
    return listed


def packages(node: Node, faults: Faults) -> list[str]:
    """Requirements, as pip knows them."""
    listed = scalars(node, faults, "packages")
    for item in listed:
        faults.note(item, "packages", "plain")
        if item.text.startswith("-") or not item.text.strip():
            faults.at(item, f"'{item.text[:40]}' is not a package", "write a name, or name==1.2")
    if len(listed) > MAX_PACKAGES:
        faults.at(node, f"{len(listed)} packages, and at most {MAX_PACKAGES} are allowed")
    return [item.text.strip() for item in listed]


def script(node: Node, faults: Faults) -> str | None:
    """A script; its own interpreter must be one."""
    found = text("script", MAX_SCRIPT)(node, faults)
    if found and found.startswith("#!") and found.partition("\n")[0].endswith("\r"):
        what = (
            "the #! line ends with a carriage return, which would belong to the interpreter's name"
        )
        faults.at(node, what, "write \\n instead of \\r\\n")
    return found


_SUBPROCESS: Final = {
    "cmd": Key(
        "cmd", text("cmd", fields.MAX_PATH, one_line=True, place="template"), "config-subprocess"
    ),
    "args": Key("args", words("args"), "config-subprocess"),
}
_UV: Final = {
    "script_path": Key(
        "script",
        text("script_path", fields.MAX_PATH, one_line=True, place="template"),
        "config-uvpython",
    ),
    "packages": Key("packages", packages, "config-uvpython"),
    "is_uv_project": Key("project", fields.flag("is_uv_project"), "config-uvpython"),
    "working_directory": Key("workdir", fields.workdir, "config-uvpython"),
    "uv_path": Key("uv", text("uv_path", fields.MAX_PATH, one_line=True), "config-uvpython"),
    "args": Key("args", words("args"), "config-uvpython"),
}


def config(node: Node, faults: Faults) -> dict[str, Any] | None:
    """What `config` runs: its argv, and with uv more of the task's fields."""
    if not isinstance(node, Map):
        faults.at(node, f"config must be a mapping, not {kind(node)}", "give it cmd and args")
        return None
    if node.tag == UV_PYTHON:
        return _uv_python(node, faults)
    if not node.tag:
        near = UV_PYTHON if "script_path" in node.items else SUBPROCESS
        faults.at(node, "config needs a tag", f"write config: {near}")
        return None
    unknown_keys(node, _SUBPROCESS, faults, "config")
    found = read(node, _SUBPROCESS, faults)
    if "cmd" not in node.items:
        faults.at(node, "config has no cmd", "cmd: the program to run")
    return {"argv": [found["cmd"], *found.get("args", [])]} if "cmd" in found else None


def _uv_python(node: Map, faults: Faults) -> dict[str, Any] | None:
    unknown_keys(node, _UV, faults, "config")
    found = read(node, _UV, faults)
    if "script_path" not in node.items:
        faults.at(node, "config has no script_path", "script_path: the Python file to run")
    if "script" not in found:
        return None
    start = [found.get("uv", "uv"), "run"]
    if found.get("project"):
        start += ["--project", "."]
    else:
        start.append("--no-project")
    wanted = found.get("packages", [])
    argv = [*start, *_with(wanted), "--script", found["script"], *found.get("args", [])]
    if found.get("project"):
        argv.remove("--script")  # it would leave the project aside
    lowered: dict[str, Any] = {"argv": argv, "needs_uv": True}
    if "workdir" in found:
        lowered["workdir"] = found["workdir"]
    return lowered


def _with(wanted: list[str]) -> list[str]:
    return [word for package in wanted for word in ("--with", package)]


def _python(code: str, wanted: list[str]) -> dict[str, Any]:
    """Inline code: by uv when it needs packages, whoever says so, else by python3."""
    if wanted or _METADATA.search(code):
        argv = ["uv", "run", "--no-project", *_with(wanted), "--script"]
        return {"script": code, "argv": argv, "needs_uv": True}
    return {"script": code, "argv": ["python3"]}


image: Final = text("image", MAX_IMAGE, one_line=True, place="template")

PROGRAM: Final[Mapping[str, Key]] = {
    "command": Key("command", fields.command),
    "config": Key("config", config, "config-subprocess"),
    "script": Key("script", script),
    "python": Key("python", text("python", MAX_SCRIPT)),
    "shell": Key("shell", shell),
    "packages": Key("packages", packages, "python"),
}
"""The keys that say what is run. Their fields are those of `lowered`, not of a plan."""

RUNS: Final = ("command", "config", "script", "python")


def lowered(found: dict[str, Any]) -> dict[str, Any]:
    """`found` with the fields of PROGRAM replaced by those of a plan, and `needs_uv`."""
    rest = {key: value for key, value in found.items() if key not in PROGRAM}
    words = found.get("shell", [])
    if "command" in found:
        return {**rest, "command": found["command"], "shell": shell_of_command(words)}
    if "config" in found:
        return {**rest, **found["config"]}
    if "python" in found:
        return {**rest, **_python(found["python"], found.get("packages", []))}
    if "script" in found:
        own = found["script"].startswith("#!")
        return {**rest, "script": found["script"], "shell": [] if own else words}
    return rest


def check_beside(node: Map, faults: Faults, known: Mapping[str, str]) -> None:
    """Keys that mean nothing with what is run; `known` tells with which they do."""
    for key, partners in known.items():
        if key in node.items and not any(name in node.items for name in partners.split()):
            what = f"{key} means nothing without {' or '.join(partners.split())}"
            faults.add(*node.marks[key], what)
    first = node.items.get("script")
    if "shell" in node.items and isinstance(first, Scalar) and first.text.startswith("#!"):
        what = "shell means nothing for a script with a #! line"
        faults.add(*node.marks["shell"], what, "keep one of them")


# Steps.

STEP: Final[Mapping[str, Key]] = {
    **PROGRAM,
    "name": Key("name", fields.task_name, "pre-and-post"),
    "env": Key("env", fields.env),
    "timeout": Key("timeout_s", fields.timeout, "pre-and-post"),
    "image": Key("image", image),
}


def steps(key: str) -> fields.Reader[list[Step]]:
    """A reader of `pre` or `post`: one step or a list of them."""

    def read_steps(node: Node, faults: Faults) -> list[Step]:
        listed = node.items if isinstance(node, List) else [node]
        if len(listed) > MAX_STEPS:
            faults.at(node, f"{len(listed)} steps, and at most {MAX_STEPS} are allowed")
            return []
        return [step for item in listed if (step := _step(item, key, faults)) is not None]

    return read_steps


def _step(node: Node, key: str, faults: Faults) -> Step | None:
    """A step is a command, or a mapping that says what is run."""
    if isinstance(node, Scalar):
        line = fields.command(node, faults)
        return None if line is None else Step(command=line)
    if not isinstance(node, Map):
        faults.at(node, f"a step of {key} must be a command or a mapping, not {kind(node)}")
        return None
    strange = unknown_keys(node, STEP, faults, f"a step of {key}")
    with faults.about(f"{PAGE}#pre-and-post"):
        runs = [name for name in RUNS if name in node.items]
        if len(runs) > 1:
            faults.at(node, f"a step has both {runs[0]} and {runs[1]}", "keep one of them")
        elif not runs and not strange:
            faults.at(node, "a step has nothing to run", f"give it {', '.join(RUNS)}")
    check_beside(node, faults, {"shell": "command script", "packages": "python"})
    found = lowered(read(node, STEP, faults))
    if "workdir" in found:
        faults.at(node, "a step has no directory of its own: it starts in that of its task")
        found.pop("workdir")
    if found.pop("needs_uv", False):
        found["env"] = NO_DOWNLOADS | found.get("env", {})
    return Step(**found) if runs else None
