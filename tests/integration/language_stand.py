"""Documents of the language that are run by the tests, and an environment that has what they need.

A document says in a comment how it ends, when not COMPLETED: `# ends FAILED 3`; `# not run here`
keeps it from being run, `# with: -p day=monday --strip-image` says how it is run.
"""

from __future__ import annotations

import base64
import os
import re
import shutil
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cdktr_common.catalogue import logd as l
from cdktr_common.catalogue import principal as p
from cdktr_common.catalogue.common import Hello, Welcome
from cdktr_common.catalogue.values import RunRow
from cdktr_common.client import Client
from tests.integration.harness import Env, environment, wait_until

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
FOLDERS = ("workflows", "conducktor", "tork")
PAGES = ("docs/workflow.md", "docs/dialects.md", "README.md")
NEEDS_FILES = "./list-files"
"""In the one block of the README that nobody can run without writing more files."""

_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_WITH = re.compile(r"^ *# with: (.*)$", re.MULTILINE)
_ENDS = re.compile(r"^ *# ends:? ([A-Z]+)(?: (\d+))?$", re.MULTILINE)


class Document(NamedTuple):
    """A workflow as somebody may write it: where it is from, its text, how it is to end."""

    name: str
    text: str
    state: str = "COMPLETED"
    code: int | None = 0

    @property
    def options(self) -> dict[str, Any]:
        """Fields of the request by which it is started."""
        said = _WITH.search(self.text)
        words = said[1].split() if said else []
        given = [words[at + 1] for at, word in enumerate(words) if word == "-p"]
        params = dict(word.split("=", 1) for word in given)
        return {"strip_image": "--strip-image" in words, "params": params, "file": self.name}


def document(name: str, text: str) -> Document:
    ends = _ENDS.search(text)
    if ends is None:
        return Document(name, text)
    return Document(name, text, ends[1], int(ends[2]) if ends[2] else None)


def documents() -> list[Document]:
    """The example files and the blocks of the pages."""
    found = [
        document(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))
        for folder in FOLDERS
        for path in sorted((EXAMPLES / folder).glob("*.*"))
        if path.suffix in (".yaml", ".yml", ".json")
    ]
    for page in PAGES:
        if (ROOT / page).exists():
            text = (ROOT / page).read_text(encoding="utf-8")
            for block in _BLOCK.finditer(text):
                line = text.count("\n", 0, block.start()) + 2
                found.append(document(f"{page}:{line}", block[1]))
    return found


def can_run(document: Document) -> bool:
    """Is all that it needs here?"""
    return "# not run here" not in document.text and NEEDS_FILES not in document.text


# What they need.


def need_uv() -> None:
    """Skips where there is no uv; under CI it has to be there."""
    if shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}") is None:
        assert not os.environ.get("CI"), "uv is missing: it is in the extra `test`"
        pytest.skip("uv is not installed")


HUMANIZE = """\
def naturalsize(size):
    return f"{size / 1e6:.1f} MB" if size else "0 Bytes"
"""


def wheel(directory: Path, name: str, code: str) -> None:
    """A package of one file, as an index would have it: no test asks the net."""
    info = f"{name}-99.0.dist-info"
    with zipfile.ZipFile(directory / f"{name}-99.0-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", code)
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 99.0\n")
        tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        file.writestr(f"{info}/WHEEL", tags)
        file.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n")


@contextmanager
def language_stand(slots: int = 6) -> Iterator[Env]:
    """All programs, with the examples as workflows. The agent stands at the root of the project,
    has a secret, and finds the packages of the examples in a directory of wheels."""
    with environment() as env:
        wheels = env.directory / "wheels"
        wheels.mkdir()
        wheel(wheels, "humanize", HUMANIZE)
        env.environ |= {
            "TOKEN": "s3cret-token-of-a-test",
            "UV_OFFLINE": "1",
            "UV_NO_INDEX": "1",
            "UV_FIND_LINKS": str(wheels),
            "UV_CACHE_DIR": str(env.directory / "uv"),
            "UV_PYTHON": sys.executable,
        }
        for folder in FOLDERS:
            below = env.workflows / ("" if folder == "workflows" else folder)
            shutil.copytree(EXAMPLES / folder, below, dirs_exist_ok=True)
        env.principal()
        env.logd()
        env.agent("a1", "--workdir", str(ROOT), slots=slots)
        yield env


# Asking.


def start(env: Env, text: str, **fields: object) -> str:
    """Start a document without storing it; returns the run."""
    request = p.RunStart(source=text, **fields)  # type: ignore[arg-type]
    return env.client().ask(request, p.RunStarted).runs[0].run


def begin(env: Env, workflow: str, **fields: object) -> str:
    """Start a stored workflow; returns the run."""
    request = p.RunStart(workflow=workflow, **fields)  # type: ignore[arg-type]
    return env.client().ask(request, p.RunStarted).runs[0].run


def ended(env: Env, run: str, state: str = "COMPLETED", code: int | None = 0) -> RunRow:
    """The run when it has ended, as it should."""
    row = env.wait(run, 20)
    told = {task: (one.state, one.code, one.reason) for task, one in env.tasks(run).items()}
    assert row.state == state and code in (None, row.code or 0), (row.reason, told)
    return row


def states(env: Env, run: str) -> dict[str, str]:
    return {task: row.state for task, row in env.tasks(run).items()}


def detail(env: Env, run: str) -> p.RunDetail:
    return env.client().ask(p.RunShow(run=run), p.RunDetail)


def output(env: Env, run: str, task: str, n: int | None = None) -> str:
    """What a task printed, once logd has all of it."""
    welcome = env.client().ask(Hello(), Welcome)

    def whole() -> list[bytes]:
        data = b""
        with Client(welcome.endpoints["logd"][0]) as client:
            while True:
                ask = l.LogRead(run=run, task=task, n=n, stream="stdout", offset=len(data))
                page = client.ask(ask, l.LogPage)
                for chunk in page.chunks:
                    text = (chunk.text or "").encode()
                    data += base64.b64decode(chunk.b64) if chunk.b64 else text
                if page.next is None:
                    return [data] if any(chunk.end for chunk in page.chunks) else []

    return wait_until(whole, 10, f"all output of {task}")[0].decode()
