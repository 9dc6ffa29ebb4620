"""The params of a run, from `-p NAME=VALUE` words and from a file or a pipe.

Words are sent as text: what they are to become is known to the workflow alone, and the principal
says so when they do not fit. A file is JSON, or YAML as far as that is JSON written by hand: only
`true` and `false` are booleans, no dates, no aliases, no tags.
"""

from __future__ import annotations

from typing import Any

from cdktr_cli.payload import BadPayload, bound, loads, read_bytes


def gather(words: list[str], file: str | None) -> dict[str, Any]:
    """All params; a word wins over the file. Raises BadPayload."""
    given: dict[str, Any] = {} if file is None else _of_file(file)
    said: set[str] = set()
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            hint = "; a payload goes with --payload" if word[:1] in '{["' else ""
            raise BadPayload(f"-p takes NAME=VALUE, not '{word}'{hint}")
        if name in said:
            raise BadPayload(f"-p: '{name}' is given twice")
        said.add(name)
        given[name] = value
    return given


def _of_file(file: str) -> dict[str, Any]:
    where, body = read_bytes(file)
    bound(body, where)
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise BadPayload(f"{where}: not UTF-8 at byte {fault.start}") from None
    try:
        found = loads(text, where)
    except RecursionError:
        raise BadPayload(f"{where}: nested too deeply") from None
    except ValueError:
        found = _yaml(text, where)
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise BadPayload(f"{where}: params are a mapping of names to values")
    return found


def _yaml(text: str, where: str) -> Any:
    import yaml

    from cdktr_cli.plain_yaml import PlainLoader

    try:
        return yaml.load(text, PlainLoader)
    except yaml.MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        place = f" at line {mark.line + 1} column {mark.column + 1}" if mark else ""
        raise BadPayload(f"{where}: neither JSON nor YAML: {fault.problem}{place}") from None
    except (yaml.YAMLError, RecursionError) as fault:
        raise BadPayload(f"{where}: neither JSON nor YAML: {str(fault)[:200]}") from None
