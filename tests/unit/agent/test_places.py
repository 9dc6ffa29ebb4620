"""Directories of attempts: empty whenever one is taken, and nothing of them left behind."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_agent import places as module
from cdktr_agent.places import Place, Places


def made(root: Path) -> Places:
    places = Places(str(root))
    places.clear()
    return places


def use(place: Place, how: str) -> None:
    path = Path(place.path)
    if how == "file":
        (path / "x").write_text("1")
    elif how == "come and gone":
        (path / "x").write_text("1")
        (path / "x").unlink()
    elif how == "mode":
        path.chmod(0o500)
    elif how == "tree":
        (path / "a/b/c").mkdir(parents=True)
        (path / "a/b/l").symlink_to("/")
        (path / "a/b").chmod(0)
    elif how == "removed":
        path.rmdir()
    elif how == "other":
        path.rmdir()
        path.write_text("no directory any more")


uses = st.sampled_from(["", "", "", "file", "come and gone", "mode", "tree", "removed", "other"])


@given(st.lists(st.tuples(st.integers(0, 3), uses, st.booleans()), max_size=30))
def test_whatever_was_done_the_next_one_finds_it_empty(
    steps: list[tuple[int, str, bool]],
) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as root:
        places = made(Path(root) / "tasks")
        taken: dict[int, Place] = {}
        for slot, how, tidy in steps:
            if slot in taken:
                use(taken[slot], how)
                places.give_back(taken.pop(slot))
            else:
                place = taken[slot] = places.take()
                assert os.listdir(place.path) == []
                assert os.stat(place.path).st_mode & 0o777 == 0o700
                assert len({each.path for each in taken.values()}) == len(taken)
            if tidy:
                places.tidy()
        for place in taken.values():
            places.give_back(place)
        while places.untidy:
            places.tidy()
        for name in os.listdir(Path(root) / "tasks"):
            assert os.listdir(Path(root) / "tasks" / name) == []


def test_an_old_one_that_nobody_touched_is_not_looked_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = made(tmp_path / "tasks")
    monkeypatch.setattr(module, "GRAIN_NS", -1)  # old enough at once
    first = places.take()
    assert first.untouched()
    places.give_back(first)
    assert places.take() is first
    (Path(first.path) / "x").touch()
    assert not first.untouched()


def test_many_files_are_removed_between_other_work(tmp_path: Path) -> None:
    places = made(tmp_path / "tasks")
    place = places.take()
    for i in range(3000):
        (Path(place.path) / str(i)).touch()
    places.give_back(place)
    turns = 0
    while places.untidy:
        places.tidy()
        turns += 1
    assert turns > 1
    assert not os.path.exists(place.path)


def test_a_full_disk_leaves_a_task_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = made(tmp_path / "tasks")

    def full(path: str, mode: int) -> None:
        raise OSError(errno.ENOSPC, "no room", path)

    monkeypatch.setattr(os, "mkdir", full)
    place = places.take()
    monkeypatch.undo()
    assert place.read(module.OUTPUT, 10) is None
    assert not place.untouched()
    places.give_back(place)
    while places.untidy:
        places.tidy()
    assert os.listdir(places.take().path) == []
