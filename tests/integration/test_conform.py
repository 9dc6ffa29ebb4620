"""`cdktr-conform --serve` against listeners: those of `examples/listeners/` get through everything,
and one that is spoilt in a single place is found out, by the clause that it breaks."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import need_tool
from tests.integration.harness import Env
from tests.integration.lines_stand import LANGUAGES, LISTENERS, program

COUNT = 16

SEND = "socket.send(body)"
ANOTHER = 'socket.send(json.dumps({{**request, "{}": str(time.time())}}).encode())'
LAST = "last = read(last)"
TRUST = 'print(message.get("run", "")); last = message.get("seq", last + 1)'

SPOILT = {
    "another key each time": ("A5", SEND, ANOTHER.format("key")),
    "another id each time": ("A1", SEND, ANOTHER.format("id")),
    "no key": ("A5", "key=key, ", ""),
    "one id for all": ("B1", "id=key", 'id="1"'),
    "takes silence for an answer": ("A1", "else None", 'else {"type": "run.started"}'),
    "takes busy for an answer": ("E2", 'answer.get("retry")', "False"),
    "never takes no for an answer": ("E2", 'answer.get("retry")', "True"),
    "asks without a pause": ("A1", "time.sleep(0.5)", "pass"),
    "believes what is published": ("S3", LAST, TRUST),
    "is deaf to stat/": ("S5", 'news.subscribe("stat/")', ""),
    "sets no heartbeats": ("S6", "news.heartbeat_ivl, news.heartbeat_timeout", "_"),
    "asks for the whole record": ("S4", LAST, "last = max(last + 1, read(0))"),
    "stops at keys it does not know": ("-", "if answer and", "assert not answer.get('colour')\n"
                                       "        if answer and"),
    "asks with numbers as texts": ("B4", "after=after", "after=str(after)"),
}  # fmt: skip

FORGETFUL = {
    "counts from its start": ("key = f\"{event}:{name}:{at}\"",
                              "key = f\"{event}:{time.time()}:{at}\""),
}  # fmt: skip

DEALER = """
import json, sys, time, zmq
socket = zmq.Context().socket(zmq.DEALER)
socket.linger = 0
socket.connect(sys.argv[1])
for number in range(16):
    body = {"type": "event.fire", "event": "e", "id": str(number), "key": f"k{number}"}
    body["payload"] = number
    while True:
        socket.send_multipart([b"", json.dumps(body).encode()])
        while socket.poll(1000):
            answer = json.loads(socket.recv_multipart()[1])
            %s
            break
        else:
            continue
        if not answer.get("retry"):
            break
        time.sleep(0.3)
"""
SLOW = """
import json, sys, zmq
context, last = zmq.Context(), 0
while True:
    with context.socket(zmq.REQ) as socket:
        socket.linger = 0
        socket.connect(sys.argv[1])
        socket.send_json({"type": "event.list", "topic": "run/", "after": last, "wait_s": 1})
        if socket.poll(20_000):
            last = socket.recv_json().get("last", last)
"""
"""Asks again, and later than anybody would wait for it."""

CAREFUL = "if answer.get('id', str(number)) != str(number): continue"
"""What tells a late second answer from that to the next question."""


class Trial:
    """Many listeners at once, each before a principal of its own, over TCP."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._reports: dict[str, dict[str, Any]] = {}

    def begin(self, name: str, argv: list[str], file: bool = True, *options: str) -> None:
        words = [sys.executable, "-m", "cdktr_conform", "--serve", "tcp://127.0.0.1:*", "--json"]
        words += ["--patience", "4", *options, "--", *argv]
        words.append("{}")
        if file:
            path = self.directory / f"{len(self._running)}.log"
            path.write_text("".join(f"line {number}\n" for number in range(COUNT)))
            words += ["line", str(path)]
        self._running[name] = subprocess.Popen(
            words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def report(self, name: str) -> dict[str, Any]:
        if name not in self._reports:
            out, err = self._running[name].communicate(timeout=100)
            assert self._running[name].returncode in (0, 1), err
            self._reports[name] = json.loads(out)
            self._reports[name]["code"] = self._running[name].returncode
        return self._reports[name]

    def failed(self, name: str) -> set[str]:
        """Clauses that it breaks."""
        return {line["clause"] for line in self.report(name)["lines"] if line["verdict"] == "FAIL"}

    def close(self) -> None:
        for process in self._running.values():
            process.terminate()
            process.communicate()


@pytest.fixture(scope="module")
def trial() -> Iterator[Trial]:
    with tempfile.TemporaryDirectory(prefix="cdktr", dir="/tmp") as scratch:
        trial = Trial(Path(scratch))
        for language in LANGUAGES:
            try:
                argv = program(language, need_tool, trial.directory)
            except pytest.skip.Exception:
                continue
            trial.begin(language, argv, True, "--kill", "--expect", str(COUNT))
        trial.begin("follower", [sys.executable, str(LISTENERS / "listener.py")], file=False)
        whole = (LISTENERS / "lines.py").read_text()
        for number, (name, (_, old, new)) in enumerate(SPOILT.items()):
            assert whole.count(old) == 1, old
            path = trial.directory / f"spoilt{number}.py"
            path.write_text(whole.replace(old, new))
            trial.begin(name, [sys.executable, str(path)], True, "--seconds", "25")
        for name, (old, new) in FORGETFUL.items():
            assert whole.count(old) == 1, old
            (trial.directory / "forgetful.py").write_text(whole.replace(old, new))
            argv = [sys.executable, str(trial.directory / "forgetful.py")]
            trial.begin(name, argv, True, "--kill")
        for name, care in (("careless", "pass"), ("careful", CAREFUL)):
            trial.begin(name, [sys.executable, "-c", DEALER % care], file=False)
        trial.begin("slow", [sys.executable, "-c", SLOW], file=False)
        yield trial
        trial.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_examples_get_through_everything(trial: Trial, language: str) -> None:
    program(language, need_tool, Path(tempfile.mkdtemp(dir=trial.directory)))
    report = trial.report(language)
    assert not [line for line in report["lines"] if line["verdict"] == "FAIL"]
    assert report["code"] == 0
    skipped = {line["clause"] for line in report["lines"] if line["verdict"] == "SKIP"}
    assert skipped == ({"S6", "T2"} if language == "bash" else {"A9"})


def test_one_that_only_follows_is_judged_by_that(trial: Trial) -> None:
    lines = trial.report("follower")["lines"]
    passed = {line["clause"] for line in lines if line["verdict"] == "PASS"}
    assert trial.report("follower")["code"] == 0
    assert passed == {"B4", "S3", "S8", "S5", "A1", "S4", "S6", "T2", "-"}


@pytest.mark.parametrize("name", SPOILT)
def test_one_that_is_spoilt_is_found_out(trial: Trial, name: str) -> None:
    assert SPOILT[name][0] in trial.failed(name), trial.report(name)
    assert trial.report(name)["code"] == 1


@pytest.mark.parametrize("name", FORGETFUL)
def test_one_that_would_double_when_it_is_killed_is_found_out(trial: Trial, name: str) -> None:
    assert "A5" in trial.failed(name), trial.report(name)


def test_a_late_answer_is_not_that_to_the_next_question(trial: Trial) -> None:
    assert trial.failed("careless") == {"B1"}
    assert trial.failed("careful") == set()


def test_one_that_asks_too_late_is_told_of_patience(trial: Trial) -> None:
    report = trial.report("slow")
    assert {"A1", "S3", "S5"} <= trial.failed("slow")
    assert any("--patience" in note for note in report["notes"])


def test_one_that_somebody_else_starts(env: Env) -> None:
    """It prints where it is; what was not tried is said to be skipped."""
    argv = [
        sys.executable,
        "-m",
        "cdktr_conform",
        "--serve",
        "tcp://127.0.0.1:*",
        "--patience",
        "3",
    ]
    serving = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert serving.stdout is not None
    ready, name, endpoint = serving.stdout.readline().split()
    assert (ready, name) == ("ready", "cdktr-conform")
    (env.directory / "log").write_text("one\ntwo\n")
    words = [str(LISTENERS / "lines.py"), endpoint, "line", str(env.directory / "log")]
    listener = subprocess.Popen([sys.executable, *words])
    said, _ = serving.communicate(timeout=20)
    listener.kill()
    listener.wait()
    assert serving.returncode == 0
    assert "only 2 events were fired" in said
    assert "FAIL  " not in said


def test_its_exit_codes(env: Env) -> None:
    def code(*words: str) -> int:
        return env.command(sys.executable, "-m", "cdktr_conform", *words).returncode

    assert code("--clauses") == 0
    for words in ("nonsense", "http://x:1", "tcp://127.0.0.1", "--serve nonsense -- true"):
        assert code(*words.split()) == 2, words
    for words in ("--seconds x", "--patience nan", "--patience 0", "--expect inf", "--expect 1.5"):
        assert code("--serve", *words.split(), "--", "true") == 2, words
    assert code("--serve", "--", str(env.directory / "none")) == 2
    assert code("--serve", f"ipc://{env.directory}/none/x", "--", "true") == 78
    assert code("ipc:///" + "x" * 120) == 78
    assert code("ipc:///tmp/x", "--", "true") == 2
    assert code("--serve", "--", "true") == 1  # it asked nothing
