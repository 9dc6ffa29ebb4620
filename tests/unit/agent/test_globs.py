"""Which files a pattern means, compared with pathlib where both have the same rules."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdktr_agent import globs

FILES = ["a.txt", "b.log", ".hidden", "dist/x.whl", "dist/sub/y.whl", "dist/.z", ".git/c", "[x]/d"]


def chosen(patterns: list[str], files: list[str]) -> list[str]:
    found = []
    for file in files:
        *directories, name = file.split("/")
        state: globs.State | None = globs.begin(patterns)
        for directory in directories:
            state = globs.below(state, directory) if state is not None else None
        if state is not None and globs.meant(state, name):
            found.append(file)
    return found


@pytest.mark.parametrize(
    ("patterns", "files"),
    [
        (["*.txt"], ["a.txt"]),
        (["*"], ["a.txt", "b.log"]),
        (["**"], ["a.txt", "b.log", "dist/x.whl", "dist/sub/y.whl", "[x]/d"]),
        (["dist"], ["dist/x.whl", "dist/sub/y.whl"]),
        (["./dist/"], ["dist/x.whl", "dist/sub/y.whl"]),
        (["dist/*"], ["dist/x.whl"]),
        (["dist/**/*.whl"], ["dist/x.whl", "dist/sub/y.whl"]),
        (["**/y.*", "?.log"], ["b.log", "dist/sub/y.whl"]),
        (["[ab].*"], ["a.txt", "b.log"]),
        (["[!a].*"], ["b.log"]),
        (["[[]x]/d"], ["[x]/d"]),
        ([".hidden", "dist/.*", ".git/*"], [".hidden", "dist/.z", ".git/c"]),
        (["[z-a]", "[", "no"], []),
    ],
)
def test_what_is_meant(patterns: list[str], files: list[str]) -> None:
    assert chosen(patterns, FILES) == files


@pytest.mark.parametrize("pattern", ["/etc/passwd", "../x", "a/../b", "", ".", "/"])
def test_what_leads_elsewhere(pattern: str) -> None:
    with pytest.raises(ValueError, match="within the task's directory"):
        globs.begin([pattern])


part = st.text(alphabet="ab*?", min_size=1, max_size=3).filter(lambda text: "**" not in text)
name = st.text(alphabet="ab", min_size=1, max_size=2)


@given(st.lists(part, min_size=1, max_size=3), st.lists(name, min_size=1, max_size=3))
def test_names_match_part_by_part(parts: list[str], names: list[str]) -> None:
    ours = chosen(["/".join(parts)], ["/".join(names)])
    theirs = len(parts) == len(names) and PurePosixPath("/".join(names)).match("/".join(parts))
    below = (
        len(names) > len(parts)
        and not any(c in parts[-1] for c in "*?")
        and PurePosixPath("/".join(names[: len(parts)])).match("/".join(parts))
    )
    assert bool(ours) == (theirs or below)
