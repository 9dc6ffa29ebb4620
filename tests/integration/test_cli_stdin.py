"""`cdktr-trigger --stdin`: pipes of events and runs, what becomes of broken lines, of a principal
that is killed under it, and of those who stop it."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cdktr_common.catalogue import principal as p
from tests.integration.cli_stand import BIN, Done, Stand, stand
from tests.integration.harness import wait_until


def piped(box: Stand, text: str, *words: str) -> tuple[Done, dict[int, dict[str, Any]]]:
    """The program with that on its stdin; its results by line."""
    done = box.call("cdktr-trigger", "--stdin", *words, input=text.encode())
    return done, results(done.stdout)


def results(output: bytes) -> dict[int, dict[str, Any]]:
    found = [json.loads(line) for line in output.splitlines()]
    assert len({result["line"] for result in found}) == len(found)
    return {result.pop("line"): result for result in found}


def runs(box: Stand) -> set[str]:
    page = box.env.client().ask(p.RunList(limit=1000), p.RunPage)
    return {row.run for row in page.runs}


@contextmanager
def pipe(box: Stand, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """The program with an open pipe before it."""
    with subprocess.Popen(
        [str(BIN / "cdktr-trigger"), "--stdin", *words], env=box.env.environ,
        cwd=box.env.directory, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def say(process: subprocess.Popen[bytes], *lines: object) -> None:
    assert process.stdin is not None
    for line in lines:
        process.stdin.write(json.dumps(line).encode() + b"\n")
    process.stdin.flush()


def heard(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.stdout is not None
    found: dict[str, Any] = json.loads(process.stdout.readline())
    return found


def test_every_line_has_a_result_and_a_broken_one_stops_no_other() -> None:
    text = (
        '{"event":"my-event","payload":{"n":1}}\n'
        "{\n"
        "\n"
        '{"workflow":"nobody"}\n'
        '{"workflow":"mine","payload":"é","due":"unknown keys are for people"}\r\n'
        '"%s"\n'
        '{"event":"none"}'
    ) % ("x" * (1 << 20))
    with stand() as box:
        box.env.principal()
        done, told = piped(box, text)
        assert done.returncode == 2  # of the first line that has a code
        assert list(sorted(told)) == [1, 2, 4, 5, 6, 7]
        assert told[2]["error"]["code"] == "bad_message"
        assert told[4]["error"] == {"code": "not_found", "detail": "no workflow 'nobody'"}
        assert told[6]["error"]["code"] == "too_large"
        assert told[7] == {"runs": [], "duplicate": False, "listeners": 0}
        assert {*told[1]["runs"], *told[5]["runs"]} == runs(box)
        detail = box.env.client().ask(p.RunShow(run=told[5]["runs"][0]), p.RunDetail)
        assert (detail.run.workflow, detail.payload) == ("my-workflow", "é")
        assert piped(box, '{"event":"none"}\n', "--require-listener")[0].returncode == 3


def test_lines_are_payloads_and_the_same_pipe_again_starts_nothing_twice() -> None:
    text = "".join(f'{{"n":{n}}}\n' for n in range(50))
    with stand() as box:
        box.env.principal()
        first = piped(box, text, "my-event", "--key", "monday")[1]
        again = piped(box, text, "my-event", "--key", "monday")[1]
        assert {run for result in first.values() for run in result["runs"]} == runs(box)
        assert [again[line]["runs"] for line in first] == [first[n]["runs"] for n in first]
        assert all(result["duplicate"] for result in again.values())
        other, told = piped(box, '"other"\n', "my-event", "--key", "monday")
        assert (other.returncode, told[1]["error"]["code"]) == (5, "conflict")


def test_with_jobs_so_many_lines_are_in_work_until_their_runs_have_ended() -> None:
    with stand() as box:
        box.env.workflow("gate", "tasks:\n  a: {command: 'exit $CDKTR_PAYLOAD'}\n")
        box.env.workflow("shut", "tasks:\n  a: {command: 'sleep 60'}\n")
        box.start_all("principal", "--with-agent")
        done, told = piped(box, "0\n7\n0\n3\n", "--workflow", "gate", "-j", "2")
        assert done.returncode == 7
        assert [told[line]["code"] for line in (1, 2, 3, 4)] == [0, 7, 0, 3]
        with pipe(box, "-j", "1") as trigger:
            say(trigger, {"workflow": "shut"}, {"event": "my-event"})
            before = set(runs(box))
            wait_until(lambda: len(runs(box)) > 4)
            trigger.send_signal(signal.SIGINT)
            _, said = trigger.communicate(timeout=20)
            assert trigger.returncode == 130
            assert b"at line 1: 1 line taken, the runs of 1 of them go on" in said
            assert len(runs(box) - before) <= 1  # the second line was never begun
        box.out("cdktr-ctl", "cancel", "last")
        for proc in box.env.procs:
            proc.asked_to_end = True


def test_a_run_that_takes_longer_than_answers_may_is_no_silence() -> None:
    with stand(default_zmq_timeout_ms=1000) as box:
        box.env.principal()
        with pipe(box, "--wait") as trigger:
            say(trigger, {"workflow": "slow"})  # nobody is there to run it
            wait_until(lambda: runs(box))
            threading.Event().wait(1.2)
            say(trigger, {"event": "none"})
            assert heard(trigger)["line"] == 2


def test_each_line_of_a_pipe_that_stays_open_is_answered_at_once() -> None:
    with stand() as box:
        principal = box.env.principal()
        with pipe(box) as trigger:
            for line in range(1, 4):
                say(trigger, {"event": "my-event"})
                assert heard(trigger)["line"] == line
                if line == 2:  # while nothing is under way
                    principal.kill()
                    box.env.principal()
            trigger.send_signal(signal.SIGTERM)
            _, said = trigger.communicate(timeout=20)
        assert trigger.returncode == 143
        assert said == b"cdktr-trigger: ended by SIGTERM, at line 3: 3 lines taken\n"
        with pipe(box) as trigger:
            assert trigger.stdout is not None
            trigger.stdout.close()
            say(trigger, {"event": "my-event"})
            assert trigger.wait(20) == 141
            assert trigger.stderr is not None
            assert b"stdout was closed, at line 1: 1 line taken" in trigger.stderr.read()
        assert len(runs(box)) == 4


def test_a_principal_that_is_killed_under_a_pipe_has_each_line_once() -> None:
    count = 3000
    with stand(default_zmq_timeout_ms=500) as box:
        principal = box.env.principal()
        with pipe(box, "my-event", "--retry-for", "1m") as trigger:
            say(trigger, *range(count // 2))
            for _ in range(2):
                heard(trigger)
                principal.kill()
                principal = box.env.principal()
            say(trigger, *range(count // 2))
            output, said = trigger.communicate(timeout=60)
        assert trigger.returncode == 0, said
        told = results(output)
        assert len(told) == count - 2
        started = [run for result in told.values() for run in result["runs"]]
        assert len(set(started)) == count - 2
        assert not any(result["duplicate"] for result in told.values())
        assert count_of(box, "run.created") == count


def count_of(box: Stand, kind: str) -> int:
    out = box.out("cdktr-ctl", "events", "--after", "0", "--ndjson")
    return sum(json.loads(line)["type"] == kind for line in out.splitlines())


def test_a_principal_that_stays_away_is_told_with_what_is_known() -> None:
    with stand(default_zmq_timeout_ms=300) as box:
        away, told = piped(box, "1\n2\n", "my-event", "--key", "K")
        assert away.returncode == 69
        assert [told[line]["error"]["code"] for line in (1, 2)] == ["timeout", "timeout"]
        said = away.stderr.decode()
        assert (
            "no answer to 2 (lines 1 to 2), which may have been taken: with the same keys" in said
        )
        box.env.principal()
        assert piped(box, "1\n2\n", "my-event", "--key", "K")[0].returncode == 0
        assert len(runs(box)) == 2
