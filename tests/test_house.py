"""The rules of the house, read off the source by `ast`: who may import what, and how large and how
well introduced a module is. It knows no behaviour."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROGRAMS = (
    "cdktr_principal", "cdktr_agent", "cdktr_logd", "cdktr_cron", "cdktr_watch",
    "cdktr_http", "cdktr_conform", "cdktr_tui", "cdktr_cli",
)  # fmt: skip
PACKAGES = ("cdktr_common", *PROGRAMS)
MODULES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
MAX_FILE = 350
MAX_FUNCTION = 60

CATALOGUE = ROOT / "cdktr_common" / "catalogue"
"""A list of declarations, not logic: it may be longer than a file of code."""

CONFINED = {
    "duckdb": tuple(f"cdktr_logd/{name}.py" for name in ("store", "opening", "reader")),
    "croniter": (),
    "psutil": ("cdktr_agent/",),
    "inotify_simple": ("cdktr_watch/bell.py",),
    "starlette": ("cdktr_http/app.py",),
    "uvicorn": ("cdktr_http/server.py",),
    "textual": ("cdktr_tui/",),
    "rich": ("cdktr_tui/",),
    "cel": ("cdktr_principal/expressions/programs.py",),
}
"""Heavy libraries and the files that may import them."""

PURE = (
    "cdktr_principal/language/", "cdktr_principal/expressions/", "cdktr_principal/state/",
    "cdktr_principal/decisions/",
    *(f"cdktr_principal/requests/{name}.py" for name in (
        "limits", "plans", "plan_fields", "plan_starts", "params", "sizes", "queries",
        "why", "why_ready", "agents", "picked", "counts",
    )),
    *(f"cdktr_agent/{name}.py" for name in (
        "core", "custody", "watch", "appetite", "beats", "arrivals", "reports", "direct", "dotenv",
        "masking", "outputs", "steps", "globs", "chunks",
    )),
    "cdktr_logd/core.py", "cdktr_logd/joining.py",
    *(f"cdktr_cron/{name}.py" for name in (
        "planner", "book", "accounts", "outlook",
    )),
    "cdktr_common/calendar/",
    "cdktr_tui/model/", "cdktr_tui/draw/",
    "cdktr_common/clean.py",
    *(f"cdktr_tui/{name}.py" for name in (
        "keys", "acting/actions", "acting/commands", "boxes/form",
    )),
    *(f"cdktr_watch/{name}.py" for name in ("changes", "patterns")),
    *(f"cdktr_http/{name}.py" for name in ("signatures", "bodies", "rates")),
    *(f"cdktr_conform/listener/{name}.py" for name in ("world", "scenes", "watch", "judge")),
)  # fmt: skip
"""Pure cores: packages as a whole, or modules."""
DATES = ("schedule.py", "functions.py", "wall.py", "zones.py", "times.py")
"""They turn texts into times or times into texts; none asks what time it is."""
WORLD = {
    "asyncio", "datetime", "duckdb", "logging", "multiprocessing", "os", "pathlib", "random",
    "secrets", "select", "signal", "socket", "subprocess", "tempfile", "threading", "time",
    "uuid", "zmq",
}  # fmt: skip
"""What a pure core may not import: clocks, chance, disk, network, processes."""


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Full names of all that a module imports, lazily or not, and where."""
    package = ".".join(path.relative_to(ROOT).parent.parts)
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join((*parents, *([node.module] if node.module else ())))
            origin = base if node.level else str(node.module)
            for alias in node.names:
                yield f"{origin}.{alias.name}", node.lineno


def typing_only(path: Path) -> set[int]:
    """Lines that only a type checker runs."""
    return {
        inner.lineno
        for node in ast.walk(tree(path))
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Import | ast.ImportFrom)
    }


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("package", PACKAGES)
def test_programs_import_only_themselves_and_the_common_library(package: str) -> None:
    allowed = {package, "cdktr_common"}
    wrong = [
        f"{name(path)}:{line} imports {module}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for module, line in imports(path)
        if module.startswith("cdktr_") and module.split(".")[0] not in allowed
    ]
    assert not wrong


@pytest.mark.parametrize("library", CONFINED)
def test_heavy_libraries_stay_where_they_belong(library: str) -> None:
    wrong = [
        f"{name(path)}:{line}"
        for path in MODULES
        for module, line in imports(path)
        if module.split(".")[0] == library and not name(path).startswith(CONFINED[library])
    ]
    assert not wrong


def test_pure_cores_touch_nothing() -> None:
    pure = [path for path in MODULES if name(path).startswith(PURE)]
    wrong = [
        f"{name(path)}:{line} imports {module}"
        for path in pure
        for module, line in imports(path)
        if module.split(".")[0] in WORLD and line not in typing_only(path)
        if not (module.startswith("datetime.") and path.name in DATES)
    ]
    assert all(any(name(path).startswith(one) for path in MODULES) for one in PURE)
    assert not wrong


def test_every_module_says_what_it_is() -> None:
    assert not [name(path) for path in MODULES if not ast.get_docstring(tree(path))]


def test_files_are_of_one_idea() -> None:
    sizes = {name(path): path.read_text().count("\n") for path in MODULES}
    assert not {
        file: size
        for file, size in sizes.items()
        if size > MAX_FILE and CATALOGUE not in (ROOT / file).parents
    }


def test_functions_fit_a_screen() -> None:
    wrong = [
        f"{name(path)}:{node.lineno} {node.name}: {size} lines"
        for path in MODULES
        for node in functions(path)
        if (size := (node.end_lineno or node.lineno) - node.lineno + 1) > MAX_FUNCTION
    ]
    assert not wrong


def test_no_cellar_of_helpers_and_no_net_under_bugs() -> None:
    assert not [name(path) for path in MODULES if path.name in ("utils.py", "helpers.py")]
    broad = [
        f"{name(path)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in ("Exception", "BaseException"))
    ]
    assert not broad


def test_what_names_its_interpreter_can_be_run() -> None:
    files = [path for top in ("bin", "build/shiv", "examples") for path in (ROOT / top).rglob("*")]
    ours = [path for path in files if path.is_file() and "node_modules" not in path.parts]
    programs = [path for path in ours if path.read_bytes()[:2] == b"#!"]
    assert programs and not [name(path) for path in programs if not path.stat().st_mode & 0o100]
