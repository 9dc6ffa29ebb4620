"""The workflow directory as real files: what a second look finds, and what never hides the rest."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from cdktr_common import codec
from cdktr_principal import folder
from cdktr_principal.folder import Folder, Scan, Seen, workflow_id

GOOD = "tasks: {a: {command: 'true'}}\n"
OTHER = "tasks: {b: {command: 'true'}}\n"
BROKEN = "tasks: {a: {comand: 'true'}}\n"

OLD = time.time_ns() - 3600 * 10**9


def write(directory: Path, name: str, text: str, mtime_ns: int = OLD) -> Path:
    """A file that was written a while ago."""
    path = directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, ns=(mtime_ns, mtime_ns))
    return path


def scan(directory: Path, before: Scan | None = None) -> Scan:
    return Folder(str(directory)).scan(before.known if before else {})


def ids(found: Scan) -> list[str]:
    return sorted(good.workflow for good in found.loaded)


def test_ids_are_paths_with_dots_and_hidden_files_are_not_there(tmp_path: Path) -> None:
    for name in ("a.yaml", "sub/b.yml", "sub/deep/c.yaml", ".h.yaml", ".git/d.yaml", "e.txt",
                 "f.yaml~", "cdktr.config.yaml"):  # fmt: skip
        write(tmp_path, name, GOOD)
    found = scan(tmp_path)
    assert ids(found) == ["a", "sub.b", "sub.deep.c"]
    assert {good.file for good in found.loaded} == {"a.yaml", "sub/b.yml", "sub/deep/c.yaml"}
    assert found.present == {"a", "sub.b", "sub.deep.c"}
    assert found.broken == [] and found.removed == [] and found.troubles == []
    assert workflow_id("sub/b.yml") == "sub.b"


def test_a_second_look_reads_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "a.yaml", GOOD)
    write(tmp_path, "b.yaml", BROKEN)
    first = scan(tmp_path)

    def refuse(path: str) -> bytes:
        raise AssertionError(f"{path} was read again")

    monkeypatch.setattr(folder, "read", refuse)
    second = scan(tmp_path, first)
    assert (second.loaded, second.broken, second.removed, second.unchanged) == ([], [], [], 2)
    assert second.known == first.known


def test_changed_new_touched_and_removed_files(tmp_path: Path) -> None:
    for name in ("changed", "touched", "removed", "kept"):
        write(tmp_path, f"{name}.yaml", GOOD)
    first = scan(tmp_path)
    write(tmp_path, "changed.yaml", OTHER)
    write(tmp_path, "touched.yaml", GOOD, OLD + 1)
    write(tmp_path, "new.yaml", GOOD)
    (tmp_path / "removed.yaml").unlink()
    second = scan(tmp_path, first)
    assert second.unchanged == 3  # changed in the same moment, to the same size
    write(tmp_path, "changed.yaml", OTHER, OLD + 1)
    third = scan(tmp_path, second)
    assert ids(second) == ["new"] and second.removed == ["removed"]
    assert ids(third) == ["changed"] and third.removed == []
    assert third.loaded[0].plan.tasks[0].id == "b"


def test_a_file_just_written_is_read_again_next_time(tmp_path: Path) -> None:
    """Within one tick of the clock a file may change and keep its time and size."""
    now = time.time_ns()
    write(tmp_path, "a.yaml", GOOD, now)
    first = scan(tmp_path)
    write(tmp_path, "a.yaml", OTHER, now)
    second = scan(tmp_path, first)
    assert [good.plan.tasks[0].id for good in second.loaded] == ["b"]


def test_a_broken_file_is_told_once_and_hides_nothing(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", BROKEN)
    write(tmp_path, "b.yaml", GOOD)
    first = scan(tmp_path)
    assert ids(first) == ["b"]
    (broken,) = first.broken
    assert (broken.workflow, broken.file) == ("a", "a.yaml")
    assert [(fault.file, fault.line) for fault in broken.faults] == [("a.yaml", 1)]
    assert scan(tmp_path, first).broken == []
    write(tmp_path, "a.yaml", GOOD, OLD + 1)
    assert ids(scan(tmp_path, first)) == ["a"]


def test_a_good_file_that_breaks_is_not_removed(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", GOOD)
    first = scan(tmp_path)
    write(tmp_path, "a.yaml", BROKEN)
    second = scan(tmp_path, first)
    assert second.removed == [] and second.present == {"a"}
    assert [broken.workflow for broken in second.broken] == ["a"]


def test_two_files_of_one_id_are_a_fault_naming_both(tmp_path: Path) -> None:
    write(tmp_path, "sub/a.yaml", GOOD)
    first = scan(tmp_path)
    write(tmp_path, "sub.a.yml", OTHER)
    second = scan(tmp_path, first)
    assert ids(second) == [] and second.removed == []
    (broken,) = second.broken
    assert broken.workflow == "sub.a"
    assert {fault.file for fault in broken.faults} == {"sub/a.yaml", "sub.a.yml"}
    assert all("sub.a.yml and sub/a.yaml" in fault.what for fault in broken.faults)
    third = scan(tmp_path, second)
    assert (third.broken, third.unchanged) == ([], 2)
    (tmp_path / "sub/a.yaml").unlink()
    fourth = scan(tmp_path, third)
    assert ids(fourth) == ["sub.a"] and fourth.removed == []
    assert fourth.loaded[0].file == "sub.a.yml"


def test_a_file_that_moved_keeps_its_workflow(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", GOOD)
    first = scan(tmp_path)
    (tmp_path / "a.yaml").rename(tmp_path / "a.yml")
    second = scan(tmp_path, first)
    assert ids(second) == ["a"] and second.removed == []


def test_no_directory_is_no_workflows(tmp_path: Path) -> None:
    found = scan(tmp_path / "nowhere")
    assert found.loaded == [] and found.removed == []
    assert found.troubles == [f"no workflow directory {tmp_path / 'nowhere'}"]
    write(tmp_path / "nowhere", "a.yaml", GOOD)
    later = scan(tmp_path / "nowhere", found)
    assert ids(later) == ["a"] and later.troubles == []


def test_links_are_followed_once(tmp_path: Path) -> None:
    flows = tmp_path / "flows"
    write(flows, "real/a.yaml", GOOD)
    write(tmp_path, "elsewhere/b.yaml", GOOD)
    (flows / "loop").symlink_to(flows)
    (flows / "aaa").symlink_to(flows / "real")
    (flows / "out").symlink_to(tmp_path / "elsewhere")
    (flows / "one.yaml").symlink_to(tmp_path / "elsewhere/b.yaml")
    (flows / "lost.yaml").symlink_to(tmp_path / "nothing")
    found = scan(flows)
    assert ids(found) == ["one", "out.b", "real.a"]
    assert found.broken == []


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "directory.yaml").mkdir()
    write(tmp_path, "a.yaml", GOOD)
    found = scan(tmp_path)
    assert ids(found) == ["a"] and found.broken == []


def test_a_name_that_makes_no_id_is_told(tmp_path: Path) -> None:
    for name in ("my flow.yaml", "a..b.yaml", "-x.yaml", "x" * 120 + ".yaml"):
        write(tmp_path, name, GOOD)
    found = scan(tmp_path)
    assert found.loaded == []
    assert len(found.broken) == 4
    assert all("gives the workflow id" in broken.faults[0].what for broken in found.broken)


def test_a_name_of_any_bytes_can_be_told_on_the_wire(tmp_path: Path) -> None:
    with open(os.path.join(os.fsencode(tmp_path), b"caf\xe9.yaml"), "w") as file:
        file.write(GOOD)
    (broken,) = scan(tmp_path).broken
    assert broken.file == "caf\ufffd.yaml"
    codec.encode(broken.faults)


def test_what_is_below_an_unreadable_directory_is_not_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a.yaml", GOOD)
    write(tmp_path, "sub/b.yaml", GOOD)
    first = scan(tmp_path)
    real = os.scandir

    def fail(path: str) -> Any:
        if path.endswith("sub"):
            raise PermissionError(13, "Permission denied")  # chmod would not stop root
        return real(path)

    monkeypatch.setattr(os, "scandir", fail)
    second = scan(tmp_path, first)
    assert second.troubles == [f"cannot read {tmp_path / 'sub'}: Permission denied"]
    assert second.removed == []
    monkeypatch.setattr(os, "scandir", real)
    third = scan(tmp_path, second)
    assert (third.loaded, third.removed, third.unchanged) == ([], [], 2)


def test_reading_errors_are_told_once_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "a.yaml", GOOD)
    real = folder.read

    def fail(path: str) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(folder, "read", fail)
    first = scan(tmp_path)
    assert first.broken[0].faults[0].what == "cannot be read: Permission denied"
    second = scan(tmp_path, first)
    assert (second.broken, second.unchanged) == ([], 1)
    monkeypatch.setattr(folder, "read", real)
    assert ids(scan(tmp_path, second)) == ["a"]


def test_an_endless_file_is_read_to_the_limit_only(tmp_path: Path) -> None:
    path = write(tmp_path, "big.yaml", "")
    os.truncate(path, 1 << 40)  # sparse: a terabyte of zeros
    (broken,) = scan(tmp_path).broken
    assert "more than 2,097,152 bytes" in broken.faults[0].what


def test_known_comes_back_from_json_as_tuples(tmp_path: Path) -> None:
    """The principal may keep `known` in any form: only its values matter."""
    write(tmp_path, "a.yaml", GOOD)
    first = scan(tmp_path)
    known = {name: (seen.mtime_ns, seen.size, seen.hash) for name, seen in first.known.items()}
    again = Folder(str(tmp_path)).scan(known)
    assert again.unchanged == 1
    assert again.known == first.known
    assert all(isinstance(seen, Seen) for seen in again.known.values())
