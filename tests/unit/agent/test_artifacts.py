"""Files that a task hands over: which, within which limits, byte for byte."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdktr_agent import artifacts
from cdktr_agent.records import END, read_header, read_records
from cdktr_common.catalogue.values import TaskSpec
from tests.unit.agent.stand import Stand, supervisor


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    with supervisor(tmp_path) as made:
        yield made


def handed(stand: Stand, **fields: object) -> tuple[dict[str, bytes], str]:
    """The artifacts of a task, and what is said of them."""
    result = stand.run(**fields)  # type: ignore[arg-type]
    streams = stand.streams(result.token)
    found = {k.partition("/")[2]: v for k, v in streams.items() if k.startswith("artifact/")}
    return found, result.reason


def test_files_are_handed_over_whole(stand: Stand) -> None:
    blob = os.urandom(3_000_000)
    (stand.work / "blob.bin").write_bytes(blob)
    (stand.work / "sub").mkdir()
    (stand.work / "sub" / "empty").touch()
    text = "echo out; seq 100000 > sub/numbers.txt; exit 5"
    found, reason = handed(stand, command=text, artifacts=["*.bin", "sub"])
    numbers = "".join(f"{i}\n" for i in range(1, 100_001)).encode()
    assert found == {"blob.bin": blob, "sub/empty": b"", "sub/numbers.txt": numbers}
    assert reason == ""
    ends = 0
    for path in (stand.home / "spool").iterdir():
        fd = os.open(path, os.O_RDONLY)
        head = read_header(fd)
        assert head is not None
        position = head[1]
        while records := list(read_records(fd, position, 1 << 22)):
            position = records[-1].stop
            ends += sum(bool(r.flags & END) and r.stream < 200 for r in records)
        os.close(fd)
    assert ends == 4  # of three artifacts and stdout


def test_they_are_looked_for_where_the_task_runs(stand: Stand) -> None:
    there = stand.work / "there"
    there.mkdir()
    fields = {"command": "echo 1 > a.txt", "artifacts": ["a.txt"]}
    assert handed(stand, workdir=str(there), **fields) == ({"a.txt": b"1\n"}, "")
    text = "echo 1 > b; echo x=1 > $CDKTR_OUTPUT"
    own = handed(stand, command=text, files={"a": "2"}, artifacts=["*", ".*"])
    assert own == ({"a": b"2", "b": b"1\n"}, "")


def test_what_is_left_out_is_said(stand: Stand) -> None:
    os.mkfifo(stand.work / "fifo")
    (stand.work / "link").symlink_to("/etc/passwd")
    (stand.work / "inside").symlink_to("file")
    (stand.work / "elsewhere").symlink_to("/etc")
    (stand.work / "file").write_text("1")
    with (stand.work / "huge").open("wb") as file:
        file.truncate(artifacts.LARGEST + 1)
    found, reason = handed(stand, argv=["true"], artifacts=["*", "elsewhere/passwd"])
    assert found == {"file": b"1"}
    assert reason == (
        "artifacts left out: elsewhere (a link), fifo (not a regular file),"
        " huge (more than 64 MiB), and 2 more"
    )


def test_no_more_than_so_many(stand: Stand) -> None:
    found, reason = handed(stand, command="seq 120 | xargs touch; true", artifacts=["*"])
    assert len(found) == artifacts.COUNT
    assert "more than 100" in reason
    assert "and 17 more" in reason


@pytest.mark.parametrize(
    ("patterns", "said"),
    [
        (["no*"], "artifacts left out: nothing is like no*"),
        (["../x"], "artifacts left out: '../x' does not stay within the task's directory"),
    ],
)
def test_nothing_to_hand_over(stand: Stand, patterns: list[str], said: str) -> None:
    assert handed(stand, argv=["true"], artifacts=patterns) == ({}, said)


def test_slots_are_free_and_others_work_meanwhile(stand: Stand) -> None:
    text = "for i in 1 2 3; do head -c 40000000 /dev/urandom > $i.bin; done"
    token = stand.give(command=text, artifacts=["*.bin"], slots=4)
    assert stand.run(argv=["true"], slots=4).state in ("COMPLETED", "RELEASED")
    result = stand.wait(token)
    assert result.reason == ""
    found = stand.streams(token)
    for i in (1, 2, 3):
        assert found[f"artifact/{i}.bin"] == (stand.work / f"{i}.bin").read_bytes()


def test_without_room_in_the_spool_they_are_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Full:
        full = True

    class Task:
        spec = TaskSpec(token="t", run="r", task="t", n=1, fence=1, artifacts=["*"], argv=["true"])
        place = None
        secrets = None
        spool = Full()
        root = str(tmp_path)
        notes: list[str] = []

    for name in ("a", "b", "c"):
        (tmp_path / name).touch()
    shipment = artifacts.Shipment(Task())  # type: ignore[arg-type]
    paused = 0.0
    while (pause := shipment.go_on()) is not None:
        paused += pause
    assert artifacts.WAIT_S <= paused < artifacts.WAIT_S + 1  # once, and not for each
    assert Task.notes == [
        "artifacts left out: a (no room in the spool), b (no room in the spool),"
        " c (no room in the spool)"
    ]
