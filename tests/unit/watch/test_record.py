"""The record of what was told: cut off anywhere, it is the record of a moment before."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from cdktr_watch import record as records
from cdktr_watch.changes import Change, State
from cdktr_watch.record import Record, RecordDamaged, directory
from cdktr_watch.teller import key, payload

A, B = State(1, 2, 3, 4), State(5, 6, 7, 8)


def filled(path: Path) -> Record:
    record = Record(path)
    record.begin("s1")
    for change, tell in (
        (Change("created", "/a", A), True),
        (Change("created", "/b", B), True),
        (Change("moved", "/c", A, "/a"), True),
        (Change("deleted", "/b", B), False),
    ):
        if change.source:
            record.told.pop(change.source)
        if change.kind == "deleted":
            record.told.pop(change.path)
        else:
            record.told[change.path] = change.state
        record.note(change, tell)
    record.acknowledged([1])
    return record


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    record = filled(tmp_path / "seen")
    assert not record.sendable(1)
    record.save()
    assert record.sendable(3) and not record.sendable(4)
    record.close()
    again = Record(tmp_path / "seen")
    assert (again.told, again.waiting, again.scope) == (record.told, record.waiting, "s1")
    assert again.told == {"/c": A} and list(again.waiting) == [2, 3]
    again.compact()
    again.close()
    third = Record(tmp_path / "seen")
    assert (third.told, third.waiting) == (record.told, record.waiting)
    third.note(Change("created", "/d", B), True)
    assert list(third.waiting) == [2, 3, 4]
    third.close()


def test_files_that_have_changed_places_are_both_there(tmp_path: Path) -> None:
    record = Record(tmp_path / "seen")
    for change in (
        Change("known", "/a", A), Change("known", "/b", B),
        Change("moved", "/b", A, "/a"), Change("moved", "/a", B, "/b"),
    ):  # fmt: skip
        record.note(change, tell=False)
    record.save()
    record.close()
    again = Record(tmp_path / "seen")
    assert again.told == {"/a": B, "/b": A}
    again.close()


def test_cut_off_anywhere_it_is_what_was_true_before(tmp_path: Path) -> None:
    path = tmp_path / "seen"
    record = filled(path)
    record.save()
    record.close()
    content = path.read_bytes()
    ends = [at + 1 for at, byte in enumerate(content) if byte == 10]
    for size in range(ends[0], len(content)):
        path.write_bytes(content[:size])
        cut = Record(path)
        cut.close()
        assert path.read_bytes() == content[: max(end for end in ends if end <= size)]


def test_a_record_without_its_first_line_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "seen"
    record = filled(path)
    record.save()
    record.close()
    first, rest = path.read_bytes().split(b"\n", 1)
    for content in (b"", first, rest.split(b"\n", 1)[1]):
        path.write_bytes(content)
        with pytest.raises(RecordDamaged, match="seen:1 is not"):
            Record(path)
        assert path.read_bytes() == content


def test_it_is_new_until_it_is_known_what_is_watched(tmp_path: Path) -> None:
    path = tmp_path / "seen"
    Record(path).close()
    again = Record(path)
    assert again.fresh
    again.begin("s1")
    again.save()
    again.close()
    third = Record(path)
    assert not third.fresh
    third.close()


def test_a_disk_that_takes_no_more_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "seen"
    record = filled(path)
    record.save()
    before = path.read_bytes()
    record.note(Change("created", "/" + "x" * 100, A), True)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 50, limits[1]))
    try:
        with pytest.raises(OSError):
            record.save()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before and not record.sendable(4)
    record.save()
    assert record.sendable(4) and path.read_bytes().startswith(before)
    record.close()


def test_a_line_in_the_middle_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "seen"
    record = filled(path)
    record.save()
    record.close()
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"ino"', b'"inx"', 1))
    with pytest.raises(RecordDamaged, match="seen:3 is not"):
        Record(path)


def test_it_is_written_anew_before_it_is_mostly_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "STALE_LINES", 100)
    record = Record(tmp_path / "seen")
    for size in range(250):
        change = Change("modified", "/a", State(1, size, size, size))
        record.told["/a"] = change.state
        record.note(change, True)
        record.acknowledged(list(record.waiting))
        record.save()
    assert (tmp_path / "seen").read_bytes().count(b"\n") < 120
    record.close()
    again = Record(tmp_path / "seen")
    again.note(Change("deleted", "/a", A), True)
    assert list(again.waiting) == [251], "numbers are not used twice"
    again.close()


def test_any_name_of_a_file_is_kept_and_told(tmp_path: Path) -> None:
    odd = "/in/caf\udce9 \n\u20ac"
    record = Record(tmp_path / "seen")
    record.note(Change("created", odd, A), True)
    record.save()
    record.close()
    again = Record(tmp_path / "seen")
    assert again.waiting[1].path == odd
    told = payload(again.waiting[1])
    assert told["path"] == "/in/caf\ufffd \n\u20ac"
    assert told["path_base64"] == "L2luL2NhZukgCuKCrA=="
    assert "path_base64" not in payload(Change("created", "/in/\u20ac", A))
    again.close()


def test_names_of_events_are_names_of_directories(tmp_path: Path) -> None:
    names = ["new-file", "a/b", "..", ".", "x" * 200, "x" * 199 + "y", "é" * 60]
    found = [directory(tmp_path, name) for name in names]
    assert len(set(found)) == len(names)
    assert all(one.parent == tmp_path / "watch" and len(one.name) < 120 for one in found)
    assert len(key("é" * 200, 1, Change("created", "/a", A))) <= 200
    assert key("n", 1, Change("created", "/a", A)) != key("n", 2, Change("created", "/a", A))
