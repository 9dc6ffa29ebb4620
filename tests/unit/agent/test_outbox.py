"""Results that outlive both processes, also when the file ends in the middle of a line."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_agent import outbox
from cdktr_agent.outbox import SYNC_S, Outbox
from cdktr_common.catalogue.values import TaskResult


def result(token: str) -> TaskResult:
    return TaskResult(token=token, state="FAILED", code=3, reason="why", started_ts=1.5, loss=True)


def test_what_is_not_acknowledged_is_there_again(tmp_path: Path) -> None:
    path = str(tmp_path / "outbox")
    first = Outbox(path)
    assert first.add([result("a"), result("b")], 1.0)
    first.ack(["a", "unknown"])
    first.add([result("c")], 2.0)
    again = Outbox(path)
    assert again.results == {"b": result("b"), "c": result("c")}


def test_what_a_task_gave_is_there_again(tmp_path: Path) -> None:
    path = str(tmp_path / "outbox")
    gave = {"rows": 12, "names": ["a", {"b": None}], "text": "ü\n"}
    given = TaskResult(token="a", state="COMPLETED", outputs=gave, result="x\n\x00")
    Outbox(path).add([given], 1.0)
    assert Outbox(path).results == {"a": given}


@given(st.integers(0, 600))
def test_a_torn_tail_costs_only_what_it_tore(cut: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "outbox"
        tokens = ["a", "b", "c", "d"]
        first = Outbox(str(path))
        for token in tokens:
            first.add([result(token)], 1.0)
        whole = path.read_bytes()
        path.write_bytes(whole[:cut])
        lines = whole[:cut].count(b"\n")
        again = Outbox(str(path))
        assert list(again.results) == tokens[:lines]
        again.add([result("e")], 2.0)
        assert list(Outbox(str(path)).results) == [*tokens[:lines], "e"]


def test_it_is_synced_when_nobody_acknowledges(tmp_path: Path) -> None:
    box = Outbox(str(tmp_path / "outbox"))
    assert box.sync_due() is None
    box.add([result("a")], 1.0)
    box.add([result("b")], 2.0)
    assert box.sync_due() == 1.0 + SYNC_S
    box.ack(["a"])
    assert box.sync_due() == 2.0 + SYNC_S
    box.sync()
    assert box.sync_due() is None
    assert list(box.results) == ["b"]


def test_it_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "COMPACT", 10_000)
    path = tmp_path / "outbox"
    box = Outbox(str(path))
    box.add([result("kept")], 1.0)
    for number in range(500):
        box.add([result(f"t{number}")], 1.0)
        box.ack([f"t{number}"])
        assert path.stat().st_size < 11_000
    assert list(Outbox(str(path)).results) == ["kept"]


def test_a_full_disk_is_caught_up_with(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", tmp_path], check=True)
    try:
        path = tmp_path / "outbox"
        box = Outbox(str(path))
        assert box.add([result("a"), result("b")], 1.0)
        filler = tmp_path / "filler"
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(b"x" * 4096):
                pass
        many = [result(f"t{i}") for i in range(100)]
        assert not box.add(many, 2.0)
        box.ack(["a"])
        assert len(box.results) == 101
        assert "a" in Outbox(str(path)).results, "no room even for saying that it is recorded"
        filler.unlink()
        assert box.add([result("c")], 3.0)
        assert set(Outbox(str(path)).results) == {"b", "c", *(each.token for each in many)}
    finally:
        subprocess.run(["umount", "-l", tmp_path], check=True)
