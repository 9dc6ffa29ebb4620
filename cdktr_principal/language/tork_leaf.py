"""A task of Tork's that runs something: `run`, or `cmd` with `entrypoint`, or what an image does.

With `image` it asks for a container; when images are stripped, or without one, it is a process.
Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from cdktr_common.catalogue.values import Container, Retry, Step
from cdktr_principal.language import data, fields, policies, running, tork_fields, tork_keys
from cdktr_principal.language.fields import kind
from cdktr_principal.language.nodes import Faults, List, Map, Node, Scalar
from cdktr_principal.language.process import CONTAINER
from cdktr_principal.language.tork_vars import literal, rewritten

if TYPE_CHECKING:
    from cdktr_principal.language.tork_tasks import Reading

_CONTAINER_KEYS: Final = {"mounts": policies.mounts, "networks": policies.networks}


def leaf(node: Map, reading: Reading) -> dict[str, Any]:
    """Arguments of TaskPlan."""
    faults = reading.faults
    found = {**reading.defaults, **plain(node, tork_keys.DEFAULTS, faults)}
    limits = found.pop("limits", None)
    found.update(runs(node, reading, "the task"))
    found["capture"] = True
    found["files"] = files(node, reading)
    if "env" in node.items:
        found["env"] = env(node.items["env"], reading)
    if "workdir" in node.items:
        found["workdir"] = fields.workdir(node.items["workdir"], faults)
    for key in ("pre", "post"):
        if key in node.items:
            contained = found["image"] is not None
            found[key] = _steps(node.items[key], key, found["files"], contained, reading)
    _container(node, found, limits, reading)
    return {key: value for key, value in found.items() if value is not None}


def plain(node: Map, keys: tuple[str, ...], faults: Faults) -> dict[str, Any]:
    """What a job may set for all its tasks; not what is empty or 0, as in Tork."""
    found: dict[str, Any] = {}
    for key in keys:
        value = node.items.get(key)
        if value is None:
            continue
        if key == "retry":
            arguments = tork_fields.retry(value, faults)
            found["retry"] = Retry(**arguments) if arguments else None
        elif key == "limits":
            found["limits"] = tork_fields.limits(value, faults)
        elif key == "timeout":
            found["timeout_s"] = tork_fields.duration(value, faults)
        elif key == "queue":
            found["labels"] = tork_fields.queue(value, faults)
        elif key == "priority":
            found["priority"] = policies.priority(value, faults) or None
    return {key: value for key, value in found.items() if value is not None}


def runs(node: Map, reading: Reading, what: str) -> dict[str, Any]:
    """`argv`, `script`, and the image with its entrypoint, told by `what` there is."""
    faults = reading.faults
    found: dict[str, Any] = {"image": _image(node, reading), "entrypoint": []}
    run = node.items.get("run")
    if run is not None:
        found["script"] = fields.text("run", running.MAX_SCRIPT)(run, faults)
    if "cmd" in node.items:
        found["argv"] = _words(node.items["cmd"], "cmd", reading, "template")
        if run is not None:
            faults.add(*node.marks["cmd"], f"{what} has both run and cmd", "keep one of them")
    if "entrypoint" in node.items:
        _entrypoint(node.items["entrypoint"], found, reading)
    if (said := node.items.get("entrypoint") or node.items.get("cmd")) is not None:
        _check_program(said, found, faults)
    nothing = found.get("argv") is None and found.get("script") is None
    if nothing and run is None and found["image"] is None and not faults.full:
        hint = "what an image does without run or cmd is not known" if "image" in node.items else ""
        faults.at(node, f"{what} has nothing to run", hint or "give it run, or cmd")
    return found


_PROGRAM: Final = fields.text("the program", fields.MAX_PATH, one_line=True)


def _check_program(node: Node, found: dict[str, Any], faults: Faults) -> None:
    """What is started must have a name."""
    for words in (found.get("argv"), found.get("shell")):
        if words:
            _PROGRAM(Scalar(node.line, node.col, text=words[0], value=words[0]), faults)


def _entrypoint(node: Node, found: dict[str, Any], reading: Reading) -> None:
    """Without a container, the entrypoint stands before what is run. `sh -c` of a file is that
    file run by `sh`, or by what its first line says."""
    contained = found["image"] is not None
    words = _words(node, "entrypoint", reading, "plain" if contained else "literal") or []
    script = found.get("script")
    if contained:
        found["entrypoint"] = words
    elif script is None:
        found["argv"] = [*words, *(found.get("argv") or [])] or None
    elif words[-1:] == ["-c"]:
        found["shell"] = words[:-1] if not script.startswith("#!") else []
    elif script.startswith("#!"):
        reading.faults.at(node, "a run with a #! line has its program", "leave entrypoint out")
    else:
        found["shell"] = words


def _image(node: Map, reading: Reading) -> str | None:
    image = node.items.get("image")
    if image is None or reading.strip_image:
        return None
    if isinstance(image, Scalar):
        image = rewritten(image, reading.vars, reading.faults, "image")
    return fields.text("image", 1000, one_line=True, place="template")(image, reading.faults)


def _words(node: Node, key: str, reading: Reading, how: str) -> list[str] | None:
    """Words for a program: as templates, or taken `literal` where templates may be, or `plain`
    where none are."""
    if not isinstance(node, List):
        reading.faults.at(node, f"{key} must be a list, not {kind(node)}", "write [echo, hello]")
        return None
    words = []
    for item in fields.scalars(node, reading.faults, key):
        word = item if how == "plain" else literal(item)
        if how == "template":
            word = rewritten(item, reading.vars, reading.faults, key)
        reading.faults.note(word, key, "plain" if how == "plain" else "template")
        words.append(word.text)
    if sum(len(word.encode()) + 1 for word in words) > fields.MAX_COMMAND:
        reading.faults.at(node, f"{key} has more than {fields.MAX_COMMAND} bytes")
    return words or None


def env(node: Node, reading: Reading) -> dict[str, str]:
    """Variables, with expressions and secrets."""
    if isinstance(node, Map):
        node = _mapped(node, lambda item, key: rewritten(item, reading.vars, reading.faults, key))
    return fields.env(node, reading.faults)


def files(node: Map, reading: Reading) -> dict[str, str]:
    """Files that it finds in its directory, which mean themselves."""
    place = node.items.get("files")
    if place is None:
        return {}
    if isinstance(place, Map):
        place = _mapped(place, lambda item, key: literal(item))
    return data.files(place, reading.faults)


def _mapped(node: Map, change: Any) -> Map:
    items = {
        key: change(item, f"env {key}") if isinstance(item, Scalar) else item
        for key, item in node.items.items()
    }
    return Map(node.line, node.col, node.tag, items=items, marks=node.marks)


def _container(
    node: Map, found: dict[str, Any], limits: dict[str, str] | None, reading: Reading
) -> None:
    """The container that it asks for, out of what belongs to one."""
    image, entrypoint = found.pop("image"), found.pop("entrypoint")
    parts: dict[str, Any] = {
        key: read(node.items[key], reading.faults)
        for key, read in _CONTAINER_KEYS.items()
        if key in node.items
    }
    if image is not None:
        limits = limits or {}
        found["container"] = Container(
            image=image, entrypoint=entrypoint or [], **{**parts, **limits}
        )
        found["labels"] = [*found.get("labels", []), CONTAINER]
        return
    if parts.get("mounts"):
        hint = "pre, post and the task itself share $CDKTR_TASK_DIR"
        reading.faults.add(*node.marks["mounts"], "mounts need a container", hint)
    if "image" in node.items:
        return  # stripped: networks and limits go with the image
    for key in ("networks", "limits"):
        if key in node.items or (key == "limits" and limits):
            line, col = node.marks.get(key, (node.line, node.col))
            reading.faults.add(line, col, f"{key} need a container", "give the task an image")


def _steps(
    node: Node, what: str, files_of: dict[str, str], contained: bool, reading: Reading
) -> list[Step]:
    """What runs before or after; its files are put beside those of the task."""
    faults = reading.faults
    if not isinstance(node, List):
        faults.at(node, f"{what} must be a list, not {kind(node)}", "- {name: a, run: b}")
        return []
    steps = []
    for item in node.items:
        if not isinstance(item, Map):
            faults.at(item, f"a step must be a mapping, not {kind(item)}", "- {name: a, run: b}")
            continue
        tork_keys.strange(item, tork_keys.STEP, faults, f"a step of {what}")
        found = runs(item, reading, "the step")
        for name, content in files(item, reading).items():
            if files_of.setdefault(name, content) != content:
                faults.add(*item.marks["files"], f"the task has another file '{name[:80]}'")
        arguments: dict[str, Any] = {
            "argv": found.get("argv"),
            "script": found.get("script"),
            "shell": found.get("shell"),
            "image": found["image"],
            "name": _name(item, reading),
            "env": env(item.items["env"], reading) if "env" in item.items else {},
        }
        if "timeout" in item.items:
            arguments["timeout_s"] = tork_fields.duration(item.items["timeout"], faults)
        if found["image"] is not None and not contained:
            told = "the step has an image, and its task has none"
            faults.add(*item.marks["image"], told, "give the task an image too")
        elif found["image"] is not None and found["entrypoint"]:
            told = "the entrypoint of a step's own image cannot be said"
            faults.add(*item.marks["entrypoint"], told, "write it in run")
        given = {key: value for key, value in arguments.items() if value is not None}
        steps.append(Step(**given))
    return steps


def _name(node: Map, reading: Reading) -> str | None:
    name = node.items.get("name")
    if isinstance(name, Scalar):
        name = rewritten(name, reading.vars, reading.faults, "name")
    return fields.task_name(name, reading.faults) if name is not None else None
