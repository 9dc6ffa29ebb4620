"""Which files patterns mean."""

from __future__ import annotations

import pytest

from cdktr_watch.patterns import Filter, matches


@pytest.mark.parametrize(
    ("pattern", "path", "fits"),
    [
        ("*.csv", "a.csv", True),
        ("*.csv", "deep/down/a.csv", True),
        ("*.csv", "a.csv.part", False),
        ("in/*.csv", "in/a.csv", True),
        ("in/*.csv", "in/x/a.csv", False),
        ("in/**/*.csv", "in/a.csv", True),
        ("in/**/*.csv", "in/x/y/a.csv", True),
        ("in/**", "in/x/y/a.csv", True),
        ("/in/*", "in/a", True),
        ("a?c", "abc", True),
        ("x/a?c", "x/a/c", False),
        ("[ab].txt", "b.txt", True),
        ("[!ab].txt", "b.txt", False),
        ("[!ab].txt", "c.txt", True),
        ("[", "[", True),
        ("[]]", "]", True),
        ("a.c", "abc", False),
        ("z[9-1]", "z[9-1]", True),
    ],
)
def test_patterns(pattern: str, path: str, fits: bool) -> None:
    assert matches(pattern, path) is fits


def test_what_is_in_passing_is_only_meant_when_it_is_spelt() -> None:
    plain = Filter()
    assert plain.file("a") and plain.file("x/a")
    assert not any(plain.file(name) for name in (".a.swp", "a~", ".git/x", "x/.hidden/a"))
    assert all(Filter(hidden=True).file(name) for name in (".a.swp", "a~", ".git/x"))
    assert Filter([".*.swp"]).file(".a.swp") and not Filter(["*"]).file(".a.swp")
    assert Filter(["*~"]).file("a~") and not Filter(["a*"]).file("a~")


def test_excludes_leave_out_files_and_directories_with_all_in_them() -> None:
    some = Filter(["*.csv"], ["done", "*.tmp.csv", "a/b/*"])
    assert some.file("x/a.csv")
    assert not some.file("x.tmp.csv")
    assert not some.file("done/a.csv") and not some.file("x/done/y/a.csv")
    assert not some.file("a/b/c.csv") and not some.directory("a/b/c")
    assert some.directory("") and some.directory("a/b") and not some.directory("done")
