"""`cdktr-trigger` while the principal is away, killed under it, or has no room: the key is told,
and with `--retry-for` the trigger is delivered when it can be, once."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cdktr_common.catalogue import principal as p
from tests.integration.cli_stand import Stand, lines, stand
from tests.integration.harness import wait_until


def runs(box: Stand) -> list[str]:
    page = box.env.client().ask(p.RunList(limit=1000), p.RunPage)
    return [row.run for row in page.runs]


def test_away_the_endpoint_and_the_key_are_told_and_the_key_starts_one_run() -> None:
    with stand(default_zmq_timeout_ms=300) as box:
        away = box.call("cdktr-trigger", "my-event", "--payload", "1")
        said = away.stderr.decode()
        assert (away.returncode, away.stdout) == (69, b"")
        assert f"no answer from ipc://{box.env.home}/run/principal.sock" in said
        found = re.search(r"Try again with --key (\S+): should it have been taken", said)
        assert found is not None
        box.env.principal()
        again = ("cdktr-trigger", "my-event", "--payload", "1", "--key", found[1])
        first = box.out(*again)
        assert box.out(*again) == first
        assert runs(box) == first.split()


def test_retry_for_delivers_once_when_the_principal_is_back() -> None:
    with stand(default_zmq_timeout_ms=300) as box:
        waiting = [box.start("cdktr-trigger", "my-event", "--retry-for", "1m") for _ in range(3)]
        for trigger in waiting:
            wait_until(lambda trigger=trigger: "trying again for" in trigger.errors())  # type: ignore[misc]
        box.env.principal()
        for trigger in waiting:
            assert trigger.popen.wait(30) == 0
            trigger.asked_to_end = True
        assert sorted(runs(box)) == sorted(lines(trigger)[0] for trigger in waiting)
        assert waiting[0].errors().count("trying again") == 1


def test_retry_for_has_an_end() -> None:
    with stand(default_zmq_timeout_ms=100) as box:
        done = box.call("cdktr-trigger", "my-event", "--retry-for", "500ms", "--key", "K")
        assert done.returncode == 69
        assert b"trying again" in done.stderr
        assert b"Try again with --key K" in done.stderr


def test_a_principal_that_is_killed_again_and_again_has_each_trigger_once() -> None:
    """Three clients fire without pause while it is killed three times and comes back each time."""
    loop = 'for i in $(seq 20); do cdktr-trigger my-event --key "$0-$i" --retry-for 1m; done'
    with stand(default_zmq_timeout_ms=500) as box:
        principal = box.env.principal()
        clients = [
            subprocess.Popen(
                ["bash", "-c", loop, f"client{n}"], env=box.env.environ, cwd=box.env.directory,
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            )
            for n in range(3)
        ]  # fmt: skip
        for kills in range(1, 4):
            wait_until(lambda kills=kills: len(runs(box)) >= 15 * kills)  # type: ignore[misc]
            principal.kill()
            principal = box.env.principal()
        told = [client.communicate(timeout=60)[0].split() for client in clients]
        assert [len(ids) for ids in told] == [20] * 3
        acknowledged = [run for ids in told for run in ids]
        assert len(set(acknowledged)) == 60
        assert sorted(runs(box)) == sorted(acknowledged)


def test_one_that_was_frozen_when_it_was_asked_answers_or_the_next_one_does() -> None:
    """The request may lie in its socket, may have been committed without a reply: once, either
    way."""
    with stand(default_zmq_timeout_ms=300) as box:
        frozen = box.env.principal()
        frozen.signal(signal.SIGSTOP)
        trigger = box.start("cdktr-trigger", "my-event", "--retry-for", "1m")
        wait_until(lambda: "but does not answer; trying again" in trigger.errors())
        frozen.signal(signal.SIGCONT)
        frozen.kill()
        box.env.principal()
        assert trigger.popen.wait(30) == 0
        trigger.asked_to_end = True
        assert runs(box) == lines(trigger)


@contextmanager
def small_disk(directory: Path, size: str) -> Iterator[Path]:
    """A file system of that size, where the machine allows one to be made."""
    directory.mkdir(parents=True, mode=0o700)
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory])
    if made.returncode != 0:
        pytest.skip("no file system may be mounted here")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", directory], check=True)


@pytest.mark.skipif(os.getuid() != 0, reason="mounting needs root")
def test_a_full_disk_is_named_and_waited_for() -> None:
    with (
        stand(default_zmq_timeout_ms=1000, disk_reserve_mb=1) as box,
        small_disk(box.env.home / "principal", "8m") as disk,
    ):
        box.env.principal()
        assert box.call("cdktr-trigger", "my-event").returncode == 0
        filler = disk / "filler"
        with filler.open("wb") as file, pytest.raises(OSError, match="No space"):
            while True:
                os.write(file.fileno(), bytes(1 << 16))

        keys = map(str, itertools.count())

        def refused() -> subprocess.CompletedProcess[bytes] | None:
            """With a new key each time: one that was taken is answered again, full or not."""
            done = box.call("cdktr-trigger", "my-event", "--key", f"K{next(keys)}")
            return done if done.returncode != 0 else None

        full = wait_until(refused, what="the principal to notice")
        assert full is not None
        assert (full.returncode, full.stdout) == (75, b"")
        assert b"disk is full" in full.stderr
        assert b"Try again with --key K" in full.stderr
        before = runs(box)
        trigger = box.start("cdktr-trigger", "my-event", "--key", "late", "--retry-for", "1m")
        wait_until(lambda: "trying again" in trigger.errors())
        filler.unlink()
        assert trigger.popen.wait(30) == 0
        trigger.asked_to_end = True
        assert sorted(runs(box)) == sorted([*before, *lines(trigger)])
        for proc in box.env.procs:
            proc.stop() if proc.popen.poll() is None else None


def test_closed_streams_are_no_failure() -> None:
    with stand() as box:
        box.env.principal()
        for closed in (">&-", "2>&-", "<&-", "<&- >&- 2>&-"):
            words = ["sh", "-c", f"cdktr-trigger my-event --key k {closed}"]
            done = subprocess.run(words, env=box.env.environ, capture_output=True, timeout=60)
            assert (done.returncode, done.stderr) == (0, b""), words
        assert len(runs(box)) == 1
        words = ["sh", "-c", "cdktr-ctl runs >&-"]
        done = subprocess.run(words, env=box.env.environ, capture_output=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, b"")


def test_what_cannot_be_printed_is_told_with_the_key() -> None:
    """The runs are started: whoever sees a failure has to be able to go on from there."""
    with stand() as box:
        box.env.principal()

        def call(words: str) -> tuple[int, str]:
            argv = ["bash", "-c", f"set -o pipefail; {words}"]
            done = subprocess.run(argv, env=box.env.environ, capture_output=True, timeout=60)
            return done.returncode, done.stderr.decode()

        for words, code, why in (
            ("cdktr-trigger my-event --key k >/dev/full", 75, "No space left on device"),
            ("cdktr-trigger my-event --key k --json >/dev/full", 75, "No space left on device"),
            ("cdktr-trigger my-event --key k | sh -c 'exec <&-'", 141, "stdout was closed"),
        ):
            ended, said = call(words)
            [run] = runs(box)
            if (ended, said) != (0, ""):  # a pipe may be closed after it was written to
                assert ended == code and why in said and run in said and "--key k" in said, said
        assert runs(box) == [run]
        ended, said = call("cdktr-run --detach -- true >/dev/full")
        [made] = set(runs(box)) - {run}
        assert ended == 75 and f"it was taken, as {made}" in said
        ended, said = call("seq 1 10 | cdktr-trigger --stdin nobody >/dev/full")
        assert ended == 75 and "No space left on device, at line 10: 10 lines taken" in said
        assert call("cdktr-trigger nobody 2>/dev/full") == (0, "")
        assert call("cdktr-trigger --strange 2>/dev/full") == (2, "")
