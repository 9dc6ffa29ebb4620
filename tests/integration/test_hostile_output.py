"""What a task writes cannot steer the terminal of whoever looks at it from the command line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest

from tests.hostile.corpus import CASES, WORD, leaks
from tests.integration.cli_stand import BIN, Stand, stand
from tests.integration.pseudo_terminal import running

CORPUS = b"".join(case.encode("utf-8", "surrogatepass") + b"\n" for case in CASES.values())


@pytest.fixture(scope="module")
def box() -> Iterator[Stand]:
    with stand() as made:
        made.env.everything()
        (made.env.directory / "corpus").write_bytes(CORPUS)
        yield made


def written(box: Stand, *words: str, code: int = 0) -> bytes:
    """What a program writes to a terminal."""
    argv = [str(BIN / words[0]), *words[1:]]
    with running(argv, box.env.environ, box.env.directory, 200, 100) as (terminal, program):
        while program.poll() is None:
            terminal.read(0.05)
        terminal.read(0.1)
        assert program.returncode == code, terminal.text()
        return terminal.written


def test_what_is_hostile_is_shown_and_never_sent_to_a_terminal(box: Stand) -> None:
    corpus = str(box.env.directory / "corpus")
    seen = written(box, "cdktr-run", "cat", corpus)
    assert not leaks(seen) and seen.count(WORD.encode()) == CORPUS.count(WORD.encode())
    assert b"\x1b[31;44;1m" + WORD.encode() in seen  # its colours are said anew
    slowly = f"import sys, time\nfor b in open({corpus!r}, 'rb').read():\n"
    slowly += " sys.stdout.buffer.write(bytes([b])); sys.stdout.flush()"
    assert not leaks(written(box, "cdktr-run", sys.executable, "-c", slowly))
    for words in (("query",), ("tail",), ("query", "--ndjson"), ("query", "--json")):
        seen = written(box, "cdktr-logs", *words, "--run", "last")
        assert not leaks(seen) and seen.count(WORD.encode()) >= len(CASES) - 1
    assert b"\x1b" not in written(box, "cdktr-logs", "--run", "last", "--color", "never")


def test_elsewhere_the_bytes_are_what_they_were(box: Stand) -> None:
    done = box.call("cdktr-run", "cat", str(box.env.directory / "corpus"))
    assert done.stdout == CORPUS
    assert box.call("cdktr-logs", "--raw", "--run", "last", "--task", "run").stdout == CORPUS
    rows = box.out("cdktr-logs", "--run", "last", "--ndjson").splitlines()
    said = [json.loads(row)["text"] for row in rows if json.loads(row)["text"] is not None]
    assert said == [case for case in CASES.values() if case != CASES["half a character"]]


def test_names_and_errors_are_held_to_the_same(box: Stand) -> None:
    name = CASES["a title"] + CASES["direction turned"]
    for words, code in ((("cdktr-ctl", "show", name), 3), (("cdktr-logs", "--run", name), 3),
                        (("cdktr-trigger", "--workflow", name), 3)):  # fmt: skip
        assert not leaks(written(box, *words, code=code))
