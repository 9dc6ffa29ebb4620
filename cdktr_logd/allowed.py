"""What a query of somebody may be: one statement that selects from the views, and nothing else.

DuckDB's own parser says what a statement is and gives its tree (`json_serialize_sql`); here that
tree is gone through. Tables are named in a list, as are functions that give tables: what a newer
DuckDB brings along is refused until somebody looked at it. Functions that give values are harmless
but for those listed, which tell of other queries and settings, wait, or change something, and
those that work for hours on long texts and cannot be interrupted meanwhile. This is
the first wall; a read-only transaction and a locked configuration without access to anything
outside are the second. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from cdktr_common.errors import ProtocolError

VIEWS: Final = ("runs", "tasks", "attempts", "events", "ticks", "output")

TABLE_FUNCTIONS: Final = ("generate_series", "json_each", "json_tree", "range", "unnest")

REFUSED: Final = frozenset(
    (
        "current_connection_id", "current_query", "current_query_id", "current_setting",
        "current_transaction_id", "currval", "getenv", "getvariable", "inet_client_addr",
        "inet_client_port", "inet_server_addr", "inet_server_port", "nextval", "pg_sleep",
        "setseed", "setval", "sleep_ms", "txid_current", "write_log",
    )
)  # fmt: skip

SLOW: Final = frozenset(
    (
        "damerau_levenshtein", "editdist3", "jaro_similarity", "jaro_winkler_similarity",
        "json_deep_merge", "json_merge_patch", "json_merge_patch_diff", "levenshtein",
        "map_concat",
    )
)  # fmt: skip
"""Their time grows with the square of what they are given, and no interrupt reaches them."""

MADE_MOST: Final = 1 << 20
"""Bytes or elements that one function may make out of nothing, where numbers in the text tell."""

TABLES_SQL: Final = "VALUES " + ", ".join(f"('{view}')" for view in VIEWS)
"""What is done for `SHOW TABLES`."""

_EXPLAIN: Final = re.compile(r"explain(\s+analyze)?\s+(?!\()", re.IGNORECASE)
_TABLE: Final = "TABLE_FUNCTION"
_MAKERS: Final = ("array_resize", "bitstring", "list_resize", "lpad", "repeat", "rpad")
_CHANGES: Final = ("INSERT", "UPDATE", "DELETE", "MERGE")


def explained(text: str) -> str | None:
    """What an EXPLAIN is about; None when it is not a plain one."""
    found = _EXPLAIN.match(text)
    return text[found.end() :] if found else None


def shows_tables(tree: str) -> bool:
    """Is it `SHOW TABLES`?"""
    shown = [node for node in _nodes(_statement(tree)) if node.get("type") == "SHOW_REF"]
    return any(
        node.get("show_type") == "SHOW_SPECIAL" and node.get("table_name") == '"tables"'
        for node in shown
    )


def check(tree: str) -> None:
    """Refuse a statement that does more than to select from the views. Raises ProtocolError."""
    statement = _statement(tree)
    own = set(_own_tables(statement))
    tables = [node["function"] for node in _nodes(statement) if node.get("type") == _TABLE]
    for node in _nodes(statement):
        kind = str(node.get("type", ""))
        if kind.startswith(_CHANGES) and kind.endswith("_NODE"):
            raise _denied("only statements that read are taken")
        if kind == _TABLE:
            name = _function(node.get("function"))
            if name not in TABLE_FUNCTIONS:
                raise _denied(f"the function {name}() cannot be read from here")
        elif kind == "BASE_TABLE":
            _check_table(node, own)
        elif kind == "SHOW_REF":
            if node.get("show_type") not in ("DESCRIBE", "SUMMARY"):
                _check_table(node, own)
        elif "function_name" in node and not any(node is one for one in tables):
            _check_function(node)


def _check_function(node: dict[str, Any]) -> None:
    name = _function(node)
    if name in REFUSED:
        raise _denied(f"the function {name}() is not for queries")
    if name in SLOW:
        raise _denied(f"the function {name}() is not for queries: it cannot be interrupted")
    if _size(node) > MADE_MOST:
        raise ProtocolError("too_large", f"{name}() may make at most {MADE_MOST} at once")


def _size(node: Any) -> float:
    """How many bytes or elements a value has, as far as the text tells; 0: it does not."""
    while isinstance(node, dict) and node.get("type") == "OPERATOR_CAST":
        node = node.get("child")
    if not isinstance(node, dict):
        return 0
    literal = node.get("literal")
    if isinstance(literal, dict):
        return len(str(literal.get("text"))) if literal.get("kind") == "STRING" else 0
    name = _function(node)
    given = [one.get("expression") for one in node.get("arguments") or ()]
    if name == "list_value":
        return sum(max(1, _size(one)) for one in given)
    if name in ("generate_series", "range"):
        return _span([_number(one) for one in given])
    if name not in _MAKERS or len(given) < 2:
        return 0
    times = _number(given[1]) or 0
    return max(1, _size(given[0])) * times if name == "repeat" else times


def _span(ends: list[float | None]) -> float:
    known = [one for one in ends if one is not None]
    if len(known) < len(ends) or not 1 <= len(known) <= 3:
        return 0
    first, last = (0.0, known[0]) if len(known) == 1 else (known[0], known[1])
    return abs(last - first) / (abs(known[2]) or 1 if len(known) == 3 else 1)


def _number(node: Any) -> float | None:
    """A number that is written there."""
    while isinstance(node, dict) and node.get("type") == "OPERATOR_CAST":
        node = node.get("child")
    literal = node.get("literal") if isinstance(node, dict) else None
    try:
        return float(literal["text"]) if literal else None
    except (KeyError, TypeError, ValueError):
        return None


def _check_table(node: dict[str, Any], own: set[str]) -> None:
    path = [str(part).lower() for part in node.get("qualified_name", {}).get("path", ())]
    name = path[-1] if path else ""
    if name in VIEWS and path[:-1] in ([], ["main"]):
        return
    if len(path) != 1 or name not in own:
        shown = ".".join(path)[:80]
        raise ProtocolError("not_found", f"there is no view {shown}", VIEWS)


def _statement(tree: str) -> Any:
    told = msgspec.json.decode(tree)
    if told.get("error") or len(told.get("statements", ())) != 1:
        raise _denied(str(told.get("error_message", "one statement at a time")))
    return told["statements"][0]


def _nodes(node: Any) -> Iterator[dict[str, Any]]:
    todo = [node]
    while todo:
        one = todo.pop()
        if isinstance(one, dict):
            yield one
            todo += one.values()
        elif isinstance(one, list):
            todo += one


def _own_tables(statement: Any) -> Iterator[str]:
    """Names that the statement gives to tables of its own (WITH)."""
    for node in _nodes(statement):
        ctes = node.get("cte_map")
        for one in ctes.get("map", ()) if isinstance(ctes, dict) else ():
            yield str(one.get("key", "")).lower()


def _function(node: Any) -> str:
    return str((node or {}).get("function_name", "")).lower()


def _denied(detail: str) -> ProtocolError:
    return ProtocolError("denied", detail)
