"""Readers of what goes in and out: params, secrets, files, dotenv, outputs, artifacts.

As in `fields`: a node in, a plain value out, and a fault for what it cannot be. The value of a
secret that was written down is never repeated in a fault. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from cdktr_common.catalogue.values import Param
from cdktr_principal.expressions import patterns
from cdktr_principal.language import fields
from cdktr_principal.language.fields import VARIABLE, flag, kind, scalar, scalars, text
from cdktr_principal.language.nodes import Faults, List, Map, Node, Scalar
from cdktr_principal.language.reading import Key, read, unknown_keys, value

MAX_PARAMS: Final = 200
MAX_SECRETS: Final = 200
MAX_FILES: Final = 100
MAX_FILES_BYTES: Final = 256 << 10
MAX_FILE_LEVELS: Final = 5
OWN_FILES: Final = (".script", ".tork-output")
OWN_BEGIN: Final = ".cdktr-"
"""Names in a task's directory that agents use themselves."""

MAX_ENUM: Final = 1000
MAX_GLOBS: Final = 100
MAX_OUTPUTS: Final = 200

_NAME_HINT: Final = "letters, digits and _, not beginning with a digit"


def _named(node: Node, faults: Faults, what: str, one: str, most: int) -> Map | None:
    """A mapping of names that expressions can say."""
    if isinstance(node, Scalar) and node.value is None:
        return None
    if not isinstance(node, Map):
        faults.at(node, f"{what} must be a mapping, not {kind(node)}", "write name: value")
        return None
    if len(node.items) > most:
        faults.at(node, f"{len(node.items)} {what}, and at most {most} are allowed")
        return None
    for name in node.items:
        if not VARIABLE.fullmatch(name):
            faults.add(*node.marks[name], f"'{name[:40]}' is not the name of {one}", _NAME_HINT)
    return node


# Params.

TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,),
    "list": (list,), "object": (dict,),
}  # fmt: skip


def _plain(node: Node, faults: Faults) -> Any:
    return value(node, faults, "params", "plain")


PARAM: Final = {
    "type": Key("type", fields.choice("type", *TYPES), "params"),
    "description": Key("description", fields.description, "params"),
    "required": Key("required", flag("required"), "params"),
    "pattern": Key("pattern", text("pattern", 4 * patterns.MAX_PATTERN, one_line=True), "params"),
}


def params(node: Node, faults: Faults) -> dict[str, Param]:
    """`name: default`, or `name: {type, default, required, enum, pattern, description}`."""
    listed = _named(node, faults, "params", "a param", MAX_PARAMS)
    if listed is None:
        return {}
    known: dict[str, str] = {}
    for name in listed.items:
        other = known.setdefault(name.upper(), name)
        if other != name:
            what = f"{other[:40]} and {name[:40]} would both be $CDKTR_PARAM_{name.upper()[:40]}"
            faults.add(*listed.marks[name], what, "rename one")
    return {name: _param(name, item, faults) for name, item in listed.items.items()}


def _param(name: str, node: Node, faults: Faults) -> Param:
    if not isinstance(node, Map):
        if isinstance(node, Scalar) and node.value is None:
            return Param(required=True)
        default = _plain(node, faults)
        return Param(type=_type_of(default), default=default)
    unknown_keys(node, (*PARAM, "default", "enum"), faults, f"param {name[:40]}")
    found = read(node, PARAM, faults)
    kind_of = found.get("type") or _implied(node, faults)
    if "default" in node.items:
        found["default"] = _typed(node.items["default"], kind_of, f"the default of {name}", faults)
        if found.get("required"):
            faults.at(node, f"param {name} is required and has a default", "keep one of them")
    enum = node.items.get("enum")
    if enum is not None:
        found["enum"] = _enum(enum, kind_of, name, faults)
    param = Param(**{**found, "type": kind_of})
    _check_param(name, param, node, faults)
    return param


def _implied(node: Map, faults: Faults) -> str:
    """Without a type it is that of the default."""
    default = node.items.get("default")
    return "string" if default is None else _type_of(_plain(default, faults))


def _type_of(default: Any) -> Any:
    found = [name for name, types in TYPES.items() if type(default) in types]
    return found[0] if found else "string"


def _typed(node: Node, type_: str, what: str, faults: Faults) -> Any:
    """A value of a type. Text is as written: 1.10 stays 1.10."""
    if isinstance(node, Scalar) and node.value is None:
        return None
    found = _plain(node, faults)
    if type_ == "string" and isinstance(node, Scalar):
        return node.text
    if type(found) not in TYPES[type_]:
        faults.at(node, f"{what} must be of type {type_}")
        return None
    return float(found) if type_ == "number" else found


def _enum(node: Node, type_: str, name: str, faults: Faults) -> list[Any]:
    if not isinstance(node, List) or not 1 <= len(node.items) <= MAX_ENUM:
        faults.at(node, f"the enum of {name[:40]} must be a list of 1 to {MAX_ENUM} values")
        return []
    what = f"a value of the enum of {name[:40]}"
    return [_typed(item, type_, what, faults) for item in node.items]


def _check_param(name: str, param: Param, node: Map, faults: Faults) -> None:
    if param.pattern is not None:
        problem = patterns.problem(param.pattern)
        if problem is not None:
            faults.at(node.items["pattern"], f"not a pattern: {problem}")
            return
        if param.type != "string":
            faults.at(node.items["pattern"], f"a pattern is for text, and {name} is {param.type}")
            return
    if param.default is None:
        return
    at = node.items["default"]
    if param.enum and param.default not in param.enum:
        faults.at(at, f"the default of {name} is not in its enum")
    elif param.pattern is not None and not patterns.matches(param.pattern, param.default):
        faults.at(at, f"the default of {name} does not match its pattern")


# Secrets.

REFERENCE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]{0,199}|file:[^\s\x00-\x1f].{0,4000}")


def secrets(node: Node, faults: Faults) -> dict[str, str]:
    """References to secrets; a secret itself has no place in a file."""
    listed = _named(node, faults, "secrets", "a secret", MAX_SECRETS)
    if listed is None:
        return {}
    found: dict[str, str] = {}
    for name, item in listed.items.items():
        if isinstance(item, Scalar) and not item.tag and REFERENCE.fullmatch(item.text):
            found[name] = item.text
            faults.note(item, f"secret {name[:40]}", "plain")
            continue
        hint = "write env:NAME (a variable of the agent) or file:PATH (a file of its machine)"
        faults.at(item, f"secret {name[:40]} must be a reference, never the secret itself", hint)
        found[name] = "env:UNKNOWN"
    return found


# Files and names of files.


def file_problem(path: str) -> str:
    """What is wrong with a path that must stay inside a directory."""
    parts = path.split("/")
    if path.startswith("/") or "\\" in path:
        return "must be relative"
    if any(part in ("", ".", "..") for part in parts):
        return "must not have empty parts, . or .. in it"
    if len(parts) > MAX_FILE_LEVELS:
        return f"has {len(parts)} levels, at most {MAX_FILE_LEVELS} are allowed"
    if len(path.encode()) > 255 or any(ord(char) < 32 for char in path):
        return "must have at most 255 bytes and no control characters"
    if parts[0] in OWN_FILES or parts[0].startswith(OWN_BEGIN):
        return "belongs to CDKTR in a task's directory"
    return ""


def file_and_directory(names: Iterable[str]) -> tuple[str, str] | None:
    """A file that another one needs as a directory, and that other one."""
    known = dict.fromkeys(names)
    for name in known:
        for end in range(len(name)):
            if name[end] == "/" and name[:end] in known:
                return name[:end], name
    return None


def files(node: Node, faults: Faults) -> dict[str, str]:
    """Files that are written before a task starts: a mapping of a name to contents."""
    if not isinstance(node, Map):
        faults.at(node, f"files must be a mapping, not {kind(node)}", "write name: contents")
        return {}
    if len(node.items) > MAX_FILES:
        faults.at(node, f"{len(node.items)} files, and at most {MAX_FILES} are allowed")
        return {}
    found: dict[str, str] = {}
    for name, item in node.items.items():
        line, col = node.marks[name]
        faults.note(Scalar(line, col, text=name, value=name), "the name of a file", "plain")
        problem = file_problem(name)
        if problem:
            faults.add(line, col, f"the name of file '{name[:60]}' {problem}")
        elif isinstance(item, Scalar) and item.value is None and not item.text:
            found[name] = ""
        else:
            found[name] = scalar(item, faults, f"the contents of {name[:60]}") or ""
            if isinstance(item, Scalar):
                faults.note(item, f"file {name[:60]}", "sealed")
    both = file_and_directory(found)
    if both is not None:
        faults.add(
            *node.marks[both[0]], f"file '{both[0][:60]}' is the directory of {both[1][:60]}"
        )
    size = sum(len(text.encode()) for text in found.values())
    if size > MAX_FILES_BYTES:
        faults.at(node, f"files have {size} bytes, at most {MAX_FILES_BYTES} are allowed")
    return found


def dotenv(node: Node, faults: Faults) -> list[str]:
    """Files with variables, on the agent's machine."""
    read_path = text("a path of dotenv", fields.MAX_PATH, one_line=True)
    found = [read_path(item, faults) for item in scalars(node, faults, "dotenv")]
    return [path for path in found if path]


def artifacts(node: Node, faults: Faults) -> list[str]:
    """Patterns of files that a task leaves behind, relative to its directory."""
    listed = scalars(node, faults, "artifacts")
    if len(listed) > MAX_GLOBS:
        faults.at(node, f"{len(listed)} artifacts, and at most {MAX_GLOBS} are allowed")
        return []
    for item in listed:
        faults.note(item, "artifacts", "plain")
        problem = artifact_problem(item.text)
        if problem:
            faults.at(item, f"artifact '{item.text[:60]}' {problem}")
    return [item.text for item in listed]


def artifact_problem(glob: str) -> str:
    """What is wrong with a pattern of files."""
    if ".." in glob.split("/"):
        return "must not have .. in it"
    if glob.startswith("/"):
        return "must be relative"
    if not 0 < len(glob) <= 255 or not glob.isprintable():
        return "must be at most 255 characters on one line"
    return ""


def outputs(node: Node, faults: Faults) -> list[str]:
    """The names a task is to write."""
    listed = scalars(node, faults, "outputs")
    if len(listed) > MAX_OUTPUTS:
        faults.at(node, f"{len(listed)} outputs, and at most {MAX_OUTPUTS} are allowed")
    for item in listed:
        if not VARIABLE.fullmatch(item.text):
            faults.at(item, f"'{item.text[:40]}' is not the name of an output", _NAME_HINT)
    return list(dict.fromkeys(item.text for item in listed))


def tags(node: Node, faults: Faults) -> list[str]:
    """Words to find a workflow or task by, each once."""
    read_tag = text("a tag", fields.MAX_ID, one_line=True)
    found = [read_tag(item, faults) for item in scalars(node, faults, "tags")]
    return list(dict.fromkeys(tag for tag in found if tag))
