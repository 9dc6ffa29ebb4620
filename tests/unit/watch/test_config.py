"""What to watch, as it is said, and what cannot be meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cdktr_watch.config import ConfigFault, Watch, read_file, watch

PAGE = Path(__file__).parents[3] / "docs" / "watch.md"


def read(tmp_path: Path, text: str) -> list[Watch]:
    (tmp_path / "w.yaml").write_text(text.replace("HERE", str(tmp_path)))
    return read_file(str(tmp_path / "w.yaml"))


def test_the_file_of_the_page_is_one(tmp_path: Path) -> None:
    block = re.search(
        r"<!-- file: watches.yaml -->\n```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL
    )
    assert block is not None
    text = re.sub(r"/(srv|etc|mnt)/", "HERE/", block[1]).replace("incoming", "HERE")
    csv, config, mail = read(tmp_path, text)
    assert (csv.settle_s, csv.recursive, csv.excludes) == (5.0, True, ("done",))
    assert csv.roots == (str(tmp_path), str(tmp_path / "ftp"))
    assert config.on == ("modified", "moved")
    assert (mail.name, mail.event, mail.poll_s) == ("new-csv by mail", "new-csv", 30.0)


def test_relative_paths_are_from_the_place_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "in").mkdir()
    found = read(tmp_path, "watches: [{event: e, paths: [in/x, .]}]")
    assert found[0].roots == (str(tmp_path / "in" / "x"), str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert read_file("w.yaml") == found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x", "`watches:` with"),
        ("watches: []", "1 to 100"),
        ("watches: [1]", "watch 1: not a mapping"),
        ("watches: [{paths: HERE}]", "event is missing"),
        ("watches: [{event: e}]", "paths is missing"),
        ("watches: [{event: e, paths: HERE, globs: x}]", "unknown key 'globs'; did you mean glob?"),
        ("watches: [{event: run.x, paths: HERE}]", "no name of an event"),
        ('watches: [{event: "a\\rb", paths: HERE}]', "no name of an event"),
        ("watches: [{event: e, paths: [1]}]", "paths is [1]"),
        ("watches: [{event: e, paths: HERE, recursive: 1}]", "recursive is 1"),
        ("watches: [{event: e, paths: HERE, settle: true}]", "settle is True"),
        ("watches: [{event: e, paths: HERE, settle: soon}]", "settle is 'soon'"),
        ("watches: [{event: e, paths: HERE, poll: 1ms}]", "poll is '1ms'"),
        ("watches: [{event: e, paths: HERE, on: [create]}]", "did you mean created?"),
        ("watches: [{event: e, paths: HERE/a/b}]", "no such directory"),
        (
            "watches: [{event: e, paths: HERE}, {event: e, paths: HERE}]",
            "two watches are named 'e'",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigFault) as fault:
        read(tmp_path, text)
    assert said in str(fault.value) and str(tmp_path) in str(fault.value)


def test_the_scope_is_which_files_are_looked_at(tmp_path: Path) -> None:
    def scope(**more: object) -> str:
        return watch("", event="e", paths=[str(tmp_path)], **more).scope  # type: ignore[arg-type]

    assert scope() == scope(settle="2s", on="deleted", existing=True, name="other")
    different = {scope(), scope(glob=["*"]), scope(exclude=["*"]), scope(recursive=True)}
    assert len(different) == 4
