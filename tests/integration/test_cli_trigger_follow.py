"""`cdktr-trigger --follow`: the output of all runs that an event starts, whole, and then their exit
code; whoever leaves leaves the runs alone."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from cdktr_common.catalogue import principal as p
from tests.integration.cli_stand import Stand, lines, stand
from tests.integration.harness import wait_until

GATE = (
    "tasks:\n  a: {command: 'echo waits; while [ ! -e %s ]; do sleep 0.05; done; echo through'}\n"
)


@pytest.fixture(scope="module")
def box() -> Iterator[Stand]:
    with stand() as made:
        made.env.workflow(
            "fails", "events: [my-event]\ntasks:\n  a: {command: 'seq 3000; printf end; exit 7'}\n"
        )
        made.env.workflow("gate", GATE % (made.env.directory / "open"))
        made.start_all("principal", "--with-agent")
        yield made
        for proc in made.env.procs:
            proc.asked_to_end = True


def test_the_output_of_all_runs_and_then_the_exit_code(box: Stand) -> None:
    done = box.call("cdktr-trigger", "my-event", "--payload", '"x"', "--follow")
    said = done.stderr.decode()
    assert done.returncode == 7, said
    printed = [line.partition(" | ")[2] for line in done.stdout.decode().split("\n")]
    assert sorted(printed) == sorted(["", 'first "x"', "second", *map(str, range(1, 3001)), "end"])
    numbers = [line for line in printed if line.isdigit()]
    assert numbers == [str(n) for n in range(1, 3001)]
    for ref in ("fails", "my-workflow"):
        assert f" {ref}\n" in said  # which run is which, before any output


def test_it_comes_while_the_run_goes_on_and_ctrl_c_leaves_it_alone(box: Stand) -> None:
    following = box.start("cdktr-trigger", "--workflow", "gate", "--follow")
    wait_until(lambda: any(line.endswith("| waits") for line in lines(following)))
    following.asked_to_end = True
    following.signal(signal.SIGINT)
    assert following.popen.wait(10) == 130
    assert "detached; the run goes on: cdktr-ctl wait" in following.errors()
    late = box.call("cdktr-trigger", "--workflow", "gate", "--follow", "--timeout", "300ms")
    assert late.returncode == 75
    (box.env.directory / "open").touch()
    page = box.env.client().ask(p.RunList(workflow="gate"), p.RunPage)
    assert len(page.runs) == 2
    for run in page.runs:
        assert box.call("cdktr-ctl", "wait", run.run).returncode == 0


def test_a_closed_stdout_ends_it_and_not_the_run(box: Stand) -> None:
    done = box.call(
        "/bin/bash",
        "-c",
        "cdktr-trigger --workflow fails --follow | head -n 1; echo ${PIPESTATUS[0]}",
    )
    first, code = done.stdout.decode().split("\n")[:2]
    assert first.endswith("| 1")
    assert code in ("141", "7")  # it may have ended before it could be told
    assert box.call("cdktr-ctl", "wait", "last").returncode == 7


def test_a_full_disk_under_the_output_ends_it_and_not_the_run(box: Stand) -> None:
    with open("/dev/full", "wb") as full:
        done = box.call(
            "cdktr-trigger", "-w", "fails", "--follow", capture_output=False, stdout=full, stderr=-1
        )
    said = done.stderr.decode()
    assert done.returncode == 75 and "No space left on device; the runs go on: " in said, said
    assert "Traceback" not in said
