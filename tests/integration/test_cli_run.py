"""`cdktr-run`: the bytes, the streams, the exit code of a command that ran elsewhere."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator

import pytest

from tests.integration.cli_stand import Stand, lines, stand
from tests.integration.harness import wait_until

MIXED = """\
import os, random
seeded = random.Random(7)
for _ in range(400):
    os.write(seeded.choice((1, 2)), seeded.randbytes(seeded.randrange(1, 5000)))
"""


@pytest.fixture(scope="module")
def box() -> Iterator[Stand]:
    """All programs, as separate processes of the test."""
    with stand() as made:
        made.env.everything()
        yield made


@pytest.mark.parametrize(
    ("command", "out", "err"),
    [
        ("printf 'no newline'", b"no newline", b""),
        ("printf 'a\\0b\\377\\n'", b"a\0b\xff\n", b""),
        ("echo only err >&2", b"", b"only err\n"),
        ("true", b"", b""),
        ("printf '\\303'; sleep 0.2; printf '\\251\\n'", "é\n".encode(), b""),
        ("head -c 300000 /dev/zero", bytes(300_000), b""),
        ("seq 100000", b"".join(b"%d\n" % n for n in range(1, 100_001)), b""),
        ("cat; echo stdin is empty", b"stdin is empty\n", b""),
        ("exec >&-; echo closed >&2", b"", b"closed\n"),
    ],
)
def test_bytes_come_out_as_they_were_written(
    box: Stand, command: str, out: bytes, err: bytes
) -> None:
    done = box.call("cdktr-run", "--", "sh", "-c", command)
    assert (done.returncode, done.stdout, done.stderr) == (0, out, err)


def test_both_streams_of_random_bytes(box: Stand) -> None:
    import subprocess

    here = subprocess.run([sys.executable, "-c", MIXED], capture_output=True, check=True)
    done = box.call("cdktr-run", sys.executable, "-c", MIXED)
    assert (done.stdout, done.stderr) == (here.stdout, here.stderr)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["sh", "-c", "exit 3"], 3, ""),
        (["sh", "-c", "kill -9 $$"], 137, "killed by SIGKILL"),
        (["no-such-program-here"], 127, "no such program"),
        (["/etc/passwd"], 126, "Permission denied"),
        (["--timeout", "300ms", "--", "sleep", "60"], 124, "timed out after 0.3 s"),
        (["--workdir", "/nowhere", "--", "true"], 126, "workdir /nowhere"),
    ],
)
def test_the_exit_code_is_yours(box: Stand, words: list[str], code: int, says: str) -> None:
    done = box.call("cdktr-run", *words)
    assert done.returncode == code, done
    assert done.stdout == b""
    assert says in done.stderr.decode()
    assert bool(done.stderr) == bool(says)


def test_output_is_live(box: Stand) -> None:
    proc = box.start("cdktr-run", "--", "sh", "-c", "echo begun; exec sleep 60")
    wait_until(lambda: lines(proc) == ["begun"])
    proc.signal(signal.SIGINT)
    assert proc.popen.wait(20) == 130
    assert "cancelling" in proc.errors()
    row = json.loads(box.out("cdktr-ctl", "runs", "-n", "1", "--json"))[0]
    assert (row["state"], row["reason"]) == ("CANCELLED", "SIGINT to cdktr-run")


def test_the_second_ctrl_c_leaves_the_run_alone(box: Stand) -> None:
    stubborn = "trap '' TERM; echo begun; while :; do sleep 0.1; done"
    proc = box.start("cdktr-run", "--", "sh", "-c", stubborn)
    wait_until(lambda: lines(proc) == ["begun"])
    proc.signal(signal.SIGINT)
    wait_until(lambda: "cancelling" in proc.errors())
    proc.signal(signal.SIGINT)
    assert proc.popen.wait(20) == 130
    assert "cdktr-ctl wait" in proc.errors()
    assert box.call("cdktr-ctl", "wait", "last").returncode == 130


def test_detached(box: Stand) -> None:
    run = box.out("cdktr-run", "--detach", "--", "sh", "-c", "echo later; exit 4").strip()
    assert box.call("cdktr-ctl", "wait", run).returncode == 4
    wait_until(lambda: box.out("cdktr-logs", "--raw", "--run", run, "--task", "run") == "later\n")


def test_nothing_is_lost_or_doubled_when_programs_are_killed_under_it() -> None:
    """Principal and logd are killed while a command counts slowly; its reader sees each number
    once, and the exit code."""
    with stand() as made:
        principal, logd, _ = made.env.everything()
        count = "for i in $(seq 1 60); do echo $i; sleep 0.05; done; exit 5"
        proc = made.start("cdktr-run", "--", "sh", "-c", count)
        proc.asked_to_end = True
        wait_until(lambda: len(lines(proc)) >= 5)
        logd.kill()
        made.env.logd()
        wait_until(lambda: len(lines(proc)) >= 15, what="output after logd came back")
        principal.kill()
        made.env.principal()
        assert proc.popen.wait(60) == 5
        assert lines(proc) == [str(n) for n in range(1, 61)]


def test_output_that_had_no_room_is_said_to_be_missing_also_when_all_went_well() -> None:
    with stand(spool_limit_mb=1) as made:
        made.env.principal()
        made.env.agent()  # no logd: nothing leaves the spool
        proc = made.start("cdktr-run", "--", "sh", "-c", "head -c 3000000 /dev/zero; true")
        run = wait_until(lambda: json.loads(made.out("cdktr-ctl", "runs", "--json")))[0]["run"]
        assert made.env.wait(run).state == "COMPLETED"
        made.env.logd()
        assert proc.popen.wait(30) == 0
        proc.asked_to_end = True
        assert "bytes of output dropped" in proc.errors()


def test_without_a_recorder_the_exit_code_still_comes() -> None:
    with stand() as made:
        made.env.principal()
        made.env.agent()
        proc = made.start("cdktr-run", "--", "sh", "-c", "exit 6")
        assert proc.popen.wait(60) == 6
        proc.asked_to_end = True
