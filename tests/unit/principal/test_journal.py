"""The journal: what is synced is there again, a torn tail is cut, damage is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdktr_common.catalogue.base import Fact
from cdktr_common.catalogue.facts import EpochStarted, RunEnded, WorkflowRemoved
from cdktr_principal.state.state import State
from cdktr_principal.store import journal as journal_module
from cdktr_principal.store import snapshot
from cdktr_principal.store.journal import Damaged, Journal
from cdktr_principal.store.segments import seal, topic_of, unseal


def fill(directory: Path, count: int, first: int = 1) -> list[bytes]:
    """A journal with `count` more facts, each a turn; their encodings."""
    journal = Journal(directory)
    list(journal.recover(0))
    bodies = []
    for seq in range(first, first + count):
        bodies.append(journal.append(WorkflowRemoved(seq=seq, ts=1.5, workflow=f"w{seq}\n")))
        journal.sync()
    journal.write_head()
    return bodies


def recovered(directory: Path) -> list[Fact]:
    return list(Journal(directory).recover(0))


def segment(directory: Path) -> Path:
    return sorted(directory.glob("*.jsonl"))[-1]


def test_facts_come_back_in_order(tmp_path: Path) -> None:
    fill(tmp_path, 5)
    fill(tmp_path, 3, first=6)
    assert [fact.seq for fact in recovered(tmp_path)] == list(range(1, 9))


def test_a_line_is_json_with_its_checksum(tmp_path: Path) -> None:
    import json

    (body,) = fill(tmp_path, 1)
    line = segment(tmp_path).read_bytes()
    told = json.loads(line)
    assert told.pop("crc") and told == json.loads(body)
    assert unseal(line[:-1]) == body


def test_a_tail_torn_at_any_byte_loses_only_what_was_not_whole(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    path = segment(tmp_path)
    (tmp_path / "head").unlink()
    data = path.read_bytes()
    start = data[:-1].rfind(b"\n") + 1
    for end in range(start, len(data)):
        for tail in (b"", b"\0" * 7):
            path.write_bytes(data[:end] + tail)
            assert [fact.seq for fact in recovered(tmp_path)] == [1, 2]
            assert path.read_bytes() == data[:start]
            path.write_bytes(data)


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    path = segment(tmp_path)
    data = path.read_bytes()
    for position in range(len(data) - 1):
        if data[position] == 0x0A:
            continue
        wrong = bytearray(data)
        wrong[position] ^= 1
        path.write_bytes(bytes(wrong))
        with pytest.raises(Damaged):
            recovered(tmp_path)
        assert path.read_bytes() == bytes(wrong), "nothing is altered"


def test_a_shorter_store_is_noticed_by_its_head(tmp_path: Path) -> None:
    fill(tmp_path, 4)
    path = segment(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:3]))
    with pytest.raises(Damaged, match="ends with fact 3, but 4"):
        recovered(tmp_path)


def test_a_missing_segment_is_noticed(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    list(journal.recover(0))
    for seq in range(1, 7):
        journal.append(EpochStarted(seq=seq, ts=1.0, epoch=seq))
        journal.sync()
        if seq % 2 == 0:
            journal.rotate()
    middle = sorted(tmp_path.glob("*.jsonl"))[1]
    middle.unlink()
    with pytest.raises(Damaged, match="begins with fact 3 is missing"):
        recovered(tmp_path)


def test_reading_goes_on_over_segments_and_by_topic(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    list(journal.recover(0))
    for seq in range(1, 21):
        workflow = "etl" if seq % 2 else "etl2"
        journal.append(RunEnded(seq=seq, ts=1.0, workflow=workflow, run="r", state="COMPLETED"))
        journal.sync()
        if seq % 6 == 0:
            journal.rotate()
    seen, after = [], 0
    while True:
        found, last = journal.read(after, 3, 1 << 20, "")
        if not found:
            break
        seen += found
        after = last
    assert len(seen) == 20 and after == 20
    found, last = journal.read(0, 100, 1 << 20, "run/etl/")
    assert len(found) == 10 and last == 20
    assert journal.read(20, 10, 1 << 20, "") == ([], 20)


def test_a_reader_of_a_rare_topic_does_not_hold_the_others_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "LOOKED", 1 << 18)
    journal = Journal(tmp_path)
    list(journal.recover(0))
    for seq in range(1, 8001):
        name = "rare" if seq == 8000 else "often"
        journal.append(RunEnded(seq=seq, ts=1.0, workflow=name, run="r", state="COMPLETED"))
    journal.sync()
    found, last = journal.read(0, 100, 1 << 20, "run/rare/")
    assert (found, 0 < last < 8000) == ([], True)
    turns = 0
    while not found:
        found, last = journal.read(last, 100, 1 << 20, "run/rare/")
        turns += 1
    assert (len(found), last) == (1, 8000) and turns < 10


def test_a_snapshot_that_cannot_be_read_is_passed_over(tmp_path: Path) -> None:
    state = State()
    for seq in range(1, 4):
        fact = EpochStarted(seq=seq, ts=1.0, epoch=seq)
        state.apply(fact, fact.topic())
        snapshot.write(tmp_path, state)
    names = sorted(tmp_path.glob("*.snapshot"))
    assert len(names) == snapshot.KEPT
    names[-1].write_bytes(names[-1].read_bytes()[:-3])
    assert snapshot.newest(tmp_path).seq == 2
    names[-2].write_bytes(b"garbage")
    assert snapshot.newest(tmp_path).seq == 0


def test_topics_of_lines_are_those_of_the_facts() -> None:
    import msgspec

    from cdktr_common.catalogue import FACTS
    from cdktr_common.codec import encode, tag_of

    for kind in FACTS:
        fact = msgspec.json.decode(kind.example, type=kind)
        workflow = getattr(fact, "workflow", "")
        assert topic_of(tag_of(kind), workflow) == fact.topic()  # type: ignore[arg-type]
        assert unseal(seal(encode(fact))[:-1]) == encode(fact)


def test_what_a_snapshot_stands_for_is_not_served_unless_it_is_whole(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    list(journal.recover(0))
    for seq in range(1, 5):
        journal.append(EpochStarted(seq=seq, ts=1.0, epoch=seq))
    journal.sync()
    journal.rotate()
    first = sorted(tmp_path.glob("*.jsonl"))[0]
    whole = first.read_bytes()
    first.write_bytes(whole.replace(b'"epoch":2', b'"epoch":7'))
    after = Journal(tmp_path)
    assert list(after.recover(4)) == []
    with pytest.raises(Damaged, match="wrong checksum"):
        after.read(0, 10, 1 << 20, "")
    first.write_bytes(whole[: whole.rfind(b"{")])
    with pytest.raises(Damaged, match="begins with fact 4 is missing"):
        list(Journal(tmp_path).recover(4))
    for path in tmp_path.glob("*.jsonl"):
        path.unlink()
    with pytest.raises(Damaged, match="begins with fact 1 is missing"):
        list(Journal(tmp_path).recover(4))


def test_a_turn_cut_at_any_byte_is_not_there_at_all(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    path = segment(tmp_path)
    (tmp_path / "head").unlink()
    before = len(path.read_bytes())
    journal = Journal(tmp_path)
    list(journal.recover(0))
    for seq in (4, 5, 6):
        journal.append(WorkflowRemoved(seq=seq, ts=1.5, workflow="w"))
    journal.sync()
    data = path.read_bytes()
    for end in range(before, len(data)):
        path.write_bytes(data[:end])
        assert [fact.seq for fact in recovered(tmp_path)] == [1, 2, 3]
        assert len(path.read_bytes()) == before
    path.write_bytes(data)
    assert [fact.seq for fact in recovered(tmp_path)] == [1, 2, 3, 4, 5, 6]
    assert [bytes(b) for b in journal.read(3, 9, 1 << 20)[0]] == [
        unseal(line) for line in data[before:].splitlines()
    ]


def test_a_shorter_store_is_refused_as_it_is(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    list(journal.recover(0))
    for seq in (1, 2, 3):
        journal.append(WorkflowRemoved(seq=seq, ts=1.5, workflow="w"))
    journal.sync()
    journal.write_head()
    path = segment(tmp_path)
    shorter = path.read_bytes()[:-1]
    path.write_bytes(shorter)
    with pytest.raises(Damaged):
        recovered(tmp_path)
    assert path.read_bytes() == shorter, "nothing is altered before it is known to be all right"


def test_a_segment_that_ends_within_a_turn_is_damage_when_others_follow(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    journal = Journal(tmp_path)
    list(journal.recover(0))
    journal.rotate()
    first = sorted(tmp_path.glob("*.jsonl"))[0]
    data = first.read_bytes()
    first.write_bytes(data[: data[:-1].rfind(b"\n") + 1])
    (tmp_path / "head").unlink()
    with pytest.raises(Damaged):
        recovered(tmp_path)
