"""What a query of somebody may be: one statement that selects from the views, and nothing else.

DuckDB's own parser says what a statement is and gives its tree (`json_serialize_sql`); here that
tree is gone through. Tables are named in a list, as are functions that give tables: what a newer
DuckDB brings along is refused until somebody looked at it. Functions that give values are harmless
but for those listed, which tell of other queries and settings, wait, or change something. This is
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

TABLES_SQL: Final = "VALUES " + ", ".join(f"('{view}')" for view in VIEWS)
"""What is done for `SHOW TABLES`."""

_EXPLAIN: Final = re.compile(r"explain(\s+analyze)?\s+(?!\()", re.IGNORECASE)
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
    for node in _nodes(statement):
        kind = str(node.get("type", ""))
        if kind.startswith(_CHANGES) and kind.endswith("_NODE"):
            raise _denied("only statements that read are taken")
        if kind == "TABLE_FUNCTION":
            name = _function(node.get("function"))
            if name not in TABLE_FUNCTIONS:
                raise _denied(f"the function {name}() cannot be read from here")
        elif kind == "BASE_TABLE":
            _check_table(node, own)
        elif kind == "SHOW_REF":
            if node.get("show_type") not in ("DESCRIBE", "SUMMARY"):
                _check_table(node, own)
        elif "function_name" in node and _function(node) in REFUSED:
            raise _denied(f"the function {_function(node)}() is not for queries")


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
