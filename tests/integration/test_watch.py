"""cdktr-watch with real files, a real principal, and kills: every file is told exactly once,
counted against a list that only the test keeps."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cdktr_common.catalogue import principal as p
from tests.integration.harness import Env, Proc, wait_until

TAKE = "events: [new-file]\ntasks:\n  take: {command: 'true'}\n"
Told = tuple[str, str]
Mirror = dict[str, tuple[int, float]]


class Box:
    """A watched directory `in`, and what the principal heard of it."""

    def __init__(self, env: Env) -> None:
        self.env = env
        self.dir = env.directory / "in"
        self.dir.mkdir()
        env.workflow("take", TAKE)

    def watch(self, *words: str) -> Proc:
        """A watch that is ready, of `in` unless paths are named."""
        proc = self.env.start("watch", "new-file", str(self.dir), *words, name="watch")
        proc.ready()
        return proc

    def facts(self) -> list[dict[str, Any]]:
        """All events, in order."""
        client, after, found = self.env.client(), 0, []
        while True:
            page = client.ask(p.EventList(after=after, topic="event/"), p.EventPage)
            facts = [msgspec.json.decode(raw) for raw in page.events]
            found += [fact for fact in facts if fact["type"] == "event.fired"]
            if not page.events or page.last >= page.newest:
                return found
            after = page.last

    def payloads(self) -> list[dict[str, Any]]:
        """Of all events, in order."""
        return [fact["payload"] for fact in self.facts()]

    def events(self) -> list[dict[str, Any]]:
        """The same; each has started its run."""
        assert all(len(fact["runs"]) == 1 for fact in self.facts())
        return self.payloads()

    def told(self) -> list[Told]:
        """Kind and name below `in` of all events."""
        return [(one["kind"], one["path"][len(str(self.dir)) + 1 :]) for one in self.events()]

    def write(self, name: str, text: str = "x") -> Path:
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def expect(self, *wanted: Told, seconds: float = 20.0) -> None:
        """Exactly these were told, whatever the order."""
        wait_until(lambda: len(self.told()) >= len(wanted), seconds, f"{wanted}: {self.told()}")
        assert Counter(self.told()) == Counter(wanted)


@pytest.fixture
def box(env: Env) -> Box:
    return Box(env)


ALL = ("--on", "created,modified,moved,deleted")


def test_files_come_change_move_and_go(box: Box) -> None:
    box.env.principal()
    box.watch(*ALL, "--recursive", "--exclude", "*.tmp")
    wanted: list[Told] = []

    def step(*more: Told) -> None:
        wanted.extend(more)
        box.expect(*wanted)

    box.write("a.txt", "one")
    step(("created", "a.txt"))
    (told,) = box.events()
    path = box.dir / "a.txt"
    assert told == {
        "path": str(path), "name": "a.txt", "size": 3, "mtime": path.stat().st_mtime_ns / 1e9,
        "kind": "created",
    }  # fmt: skip
    box.write("deep/down/b.txt")
    step(("created", "deep/down/b.txt"))
    box.write("a.txt", "two")
    step(("modified", "a.txt"))
    path.rename(box.dir / "c.txt")
    step(("moved", "c.txt"))
    assert box.events()[-1]["from"] == str(path)
    (box.dir / "deep").rename(box.dir / "other")
    step(("moved", "other/down/b.txt"))
    box.write("other/down/b.txt", "more")
    step(("modified", "other/down/b.txt"))
    # What is written under a passing name and renamed into its place is told once, in its place.
    box.write("d.tmp").rename(box.dir / "d.txt")
    box.write(".e.swp").rename(box.dir / "e.txt")
    step(("created", "d.txt"), ("created", "e.txt"))
    (box.dir / "c.txt").unlink()
    (box.dir / "d.txt").rename(box.env.directory / "d.txt")
    step(("deleted", "c.txt"), ("deleted", "d.txt"))
    (box.env.directory / "d.txt").rename(box.dir / "d.txt")
    step(("created", "d.txt"))


def test_a_new_file_over_one_that_was_told_is_told_whoever_listens(box: Box) -> None:
    box.env.principal()
    box.watch()
    box.write("report", "first")
    box.write("report.new", "second, longer")
    box.expect(("created", "report"), ("created", "report.new"))
    (box.dir / "report.new").rename(box.dir / "report")
    box.expect(("created", "report"), ("created", "report.new"), ("modified", "report"))
    assert box.events()[-1]["size"] == len("second, longer")


def test_a_file_is_told_when_it_is_closed_or_still(box: Box) -> None:
    box.env.principal()
    box.watch()
    with (box.dir / "slow").open("w") as slow:
        slow.write("begun")
        slow.flush()
        box.write("quick")
        box.expect(("created", "quick"))
    box.expect(("created", "quick"), ("created", "slow"))
    assert box.events()[-1]["size"] == 5


def test_nothing_is_lost_over_a_restart_and_nothing_doubled(box: Box) -> None:
    box.env.principal()
    box.write("old")
    watch = box.watch(*ALL)
    for name in "abcd":
        box.write(name, name * 5)
    wanted = [("created", name) for name in "abcd"]
    box.expect(*wanted)
    assert watch.stop() == 0
    box.write("b", "changed")
    (box.dir / "c").rename(box.dir / "C")
    (box.dir / "d").unlink()
    box.write("e")
    watch = box.watch(*ALL)
    wanted += [("modified", "b"), ("moved", "C"), ("deleted", "d"), ("created", "e")]
    box.expect(*wanted)
    watch.kill()
    # Another filter: what is new to it is not new.
    watch = box.watch(*ALL, "--hidden")
    assert "what is watched has changed" in watch.errors()
    box.write(".hidden")
    box.expect(*wanted, ("created", ".hidden"))
    assert watch.stop() == 0


def test_what_comes_right_after_it_is_ready_is_not_taken_for_old(box: Box) -> None:
    box.write("old")
    box.watch().kill()
    box.write("new")
    box.env.principal()
    box.watch()
    box.expect(("created", "new"))


def test_existing_files_are_told_once_if_that_is_wanted(box: Box) -> None:
    box.env.principal()
    names = [f"f{n}" for n in range(50)]
    for name in names:
        os.utime(box.write(name), (1, 1))
    for _ in range(2):
        watch = box.watch("--existing", "--glob", "f*")
        box.expect(*[("created", name) for name in names])
        assert watch.stop() == 0


def test_a_kill_at_any_moment_doubles_nothing_and_loses_nothing(box: Box) -> None:
    """kill -9 of cdktr-watch while files arrive, then of the principal, again and again."""
    principal = box.env.principal()
    watch = box.watch("--recursive")
    wanted: list[Told] = []
    for round_ in range(6):
        names = [f"r{round_}/d{n % 7}/{n}" for n in range(150)]
        for n, name in enumerate(names):
            box.write(name, name)
            if n == 20 + 17 * round_:
                if round_ % 2:
                    principal.kill()
                else:
                    watch.kill()
        wanted += [("created", name) for name in names]
        if round_ % 2:
            principal = box.env.principal()
        else:
            watch = box.watch("--recursive")
    box.expect(*wanted, seconds=40)


def test_what_happens_while_the_principal_is_away_is_told_when_it_is_back(box: Box) -> None:
    watch = box.watch()
    wanted = [("created", f"f{n}") for n in range(200)]
    for _, name in wanted[:100]:
        box.write(name)
    seen = box.env.home / "watch" / "new-file" / "seen"
    wait_until(lambda: seen.read_bytes().count(b'"n":') == 100, what="all to be written down")
    watch.kill()
    for _, name in wanted[100:]:
        box.write(name)
    watch = box.watch()
    box.env.principal()
    box.expect(*wanted)
    watch.stop()


def test_dropped_notices_are_made_up_for(box: Box) -> None:
    """The kernel keeps 16,384 notices for a program that does not read; here it has to drop."""
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 20_000:
        pytest.skip(f"the kernel would keep {limit} notices")
    box.env.principal()
    watch = box.watch(*ALL, "--recursive")
    box.write("first")
    box.expect(("created", "first"))
    watch.signal(signal.SIGSTOP)
    for n in range(limit // 2 + 100):  # made and closed, each
        (box.dir / f"passing{n}").touch()
        (box.dir / f"passing{n}").unlink()
    box.write("new/a")
    box.write("b")
    (box.dir / "first").rename(box.dir / "second")
    watch.signal(signal.SIGCONT)
    box.expect(("created", "first"), ("created", "new/a"), ("created", "b"), ("moved", "second"))
    assert "the kernel dropped notices" in watch.errors()
    box.write("new/c")
    wait_until(lambda: ("created", "new/c") in box.told(), what="the new directory")


def test_thousands_of_files_at_once(box: Box) -> None:
    box.env.workflow("take", "events: [other]\ntasks:\n  take: {command: 'true'}\n")
    box.env.principal()
    box.watch("--recursive")
    names = [f"{n % 50}/{n % 7}/{n}" for n in range(3000)]
    for name in names:
        box.write(name)
    client = box.env.client()

    def fired() -> int:
        page = client.ask(p.EventList(topic="event/", limit=5000), p.EventPage)
        return len({msgspec.json.decode(raw)["payload"]["path"] for raw in page.events})

    wait_until(lambda: fired() >= len(names), 30, f"{len(names)} events")
    page = client.ask(p.EventList(topic="event/", limit=5000), p.EventPage)
    assert len(page.events) == len(names)


def test_polling_and_a_directory_that_goes_away(box: Box) -> None:
    box.env.principal()
    watch = box.watch(*ALL, "--poll", "100ms", "--settle", "200ms")
    box.write("a")
    box.expect(("created", "a"))
    box.dir.rename(box.env.directory / "away")
    wait_until(lambda: "is not there" in watch.errors(), what="the complaint")
    (box.env.directory / "away" / "a").rename(box.env.directory / "away" / "b")
    (box.env.directory / "away").rename(box.dir)
    box.expect(("created", "a"), ("moved", "b"))
    watch.stop()
    # The same with inotify, over a restart without it.
    watch = box.watch(*ALL)
    box.dir.rename(box.env.directory / "away")
    wait_until(lambda: "is not there" in watch.errors(), what="the complaint")
    (box.env.directory / "away").rename(box.dir)
    box.write("c")
    box.expect(("created", "a"), ("moved", "b"), ("created", "c"))


@pytest.mark.parametrize("limit", ["instances", "watches"])
def test_it_works_when_the_system_allows_no_more_watches(
    box: Box, limit: str, need: Callable[[str], str]
) -> None:
    """In a user namespace of its own, whose limit is 1 and is reached."""
    box.env.principal()
    allow = f'echo 1 > /proc/sys/user/max_inotify_{limit}; exec "$@"'
    under = (need("unshare"), "-Ur", "sh", "-c", allow, "sh")
    if box.env.command(*under, "true").stderr:
        pytest.skip("no user namespaces here")
    words = ["new-file", str(box.dir), "--recursive"]
    if limit == "instances":
        config = box.env.directory / "w.yaml"
        config.write_text(
            f"watches:\n- {{event: other, paths: {box.dir}}}\n"
            f"- {{event: new-file, paths: {box.dir}, recursive: true}}\n"
        )
        words = ["--config", str(config)]
    box.write("d/old")
    watch = box.env.start("watch", *words, name="watch", under=under)
    watch.ready()
    assert f"fs.inotify.max_user_{limit}" in watch.errors()
    os.utime(box.write("d/new"), (1, 1))
    watch.signal(signal.SIGHUP)  # sooner than every ten seconds
    wait_until(lambda: ("created", "d/new") in box.told(), what="the event")
    watch.stop()


def test_one_file_and_several_watches_from_a_file(box: Box) -> None:
    box.env.principal()
    log = box.write("app.log", "1\n")
    box.write("other.log")
    config = box.env.directory / "watches.yaml"
    config.write_text(
        f"watches:\n  - event: new-file\n    name: log\n    paths: {log}\n    on: modified\n"
        f"  - event: new-file\n    paths: [{box.dir}]\n    glob: '*.csv'\n    settle: 50ms\n"
    )
    watch = box.env.start("watch", "--config", str(config))
    assert watch.ready() == ["log", "new-file"]
    box.write("app.log", "12\n")
    box.write("other.log", "12\n")
    box.write("x.csv", "12\n")
    box.expect(("modified", "app.log"), ("created", "x.csv"))
    # The same event twice in one home: refused. What cannot be meant: refused, with the place.
    second = box.env.command("python", "-m", "cdktr_watch", "log", str(box.dir))
    assert (second.returncode, "is in use by cdktr-watch" in second.stderr) == (75, True)
    config.write_text(f"watches:\n  - event: x\n    paths: {log}\n    setle: 2s\n")
    wrong = box.env.command("python", "-m", "cdktr_watch", "--config", str(config))
    assert wrong.returncode == 78
    assert "watch 1: unknown key 'setle'; did you mean settle?" in wrong.stderr
    wrong = box.env.command("python", "-m", "cdktr_watch", "e", str(box.dir), "--on", "create")
    assert (wrong.returncode, "did you mean created?" in wrong.stderr) == (2, True)
    absent = box.env.command("python", "-m", "cdktr_watch", "e", str(box.dir / "no" / "such"))
    assert absent.returncode == 3, absent


def test_names_that_are_no_text(box: Box) -> None:
    box.env.principal()
    box.watch()
    name = b"caf\xe9 'x\"\n.csv"
    with open(os.fsencode(box.dir) + b"/" + name, "w") as file:
        file.write("x")
    wait_until(lambda: box.events(), what="the event")
    (told,) = box.events()
    assert told["name"] == "caf\ufffd 'x\"\n.csv"
    assert told["path_base64"]


def there(box: Box) -> Mirror:
    """Size and time of all files that are there."""
    found = [(path, path.stat()) for path in box.dir.rglob("*") if path.is_file()]
    return {str(path): (stat.st_size, stat.st_mtime_ns / 1e9) for path, stat in found}


def mirror(box: Box) -> Mirror:
    """The same by the events alone, taken in their order."""
    known: Mirror = {}
    for one in box.payloads():
        known.pop(one.get("from", ""), None)
        if one["kind"] == "deleted":
            del known[one["path"]]
        else:
            assert one["kind"] != "created" or one["path"] not in known, one
            known[one["path"]] = (one["size"], one["mtime"])
    return known


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_happens_to_directories(box: Box, seed: int) -> None:
    chance = random.Random(seed)
    box.env.workflow("take", "events: [other]\ntasks:\n  take: {command: 'true'}\n")
    box.env.principal()
    box.watch(*ALL, "--recursive")
    end = time.monotonic() + 8
    for serial in itertools.count():
        if time.monotonic() > end:
            break
        inside = list(box.dir.rglob("*"))
        files = [path for path in inside if path.is_file()] or [box.dir / "none"]
        below = [path for path in inside if path.is_dir()] or [box.dir / "none"]
        place = chance.choice([box.dir, *below])
        with suppress(OSError):  # a directory into itself, and the like
            match chance.choice("ffffmmddrrRxaap"):
                case "f":
                    (place / f"f{serial}").write_text("x" * chance.randint(1, 9))
                case "a":
                    with chance.choice(files).open("r+") as file:
                        file.write("y" * chance.randint(1, 9))
                case "m":
                    (place / f"d{chance.randint(0, 5)}").mkdir()
                case "d":
                    chance.choice(files).unlink()
                case "r":
                    chance.choice(files).rename(place / f"f{chance.randint(0, 40)}")
                case "R":
                    chance.choice(below).rename(place / f"e{chance.randint(0, 5)}")
                case "x":
                    if len(below) > 5:
                        shutil.rmtree(chance.choice(below))
                case _:
                    threading.Event().wait(chance.choice([0.01, 0.15]))
    wait_until(lambda: mirror(box) == there(box), 30, "the events to tell what is there")
    assert len(box.payloads()) > 200


@pytest.mark.long
def test_kills_without_end(box: Box) -> None:
    """Both are killed again and again, at any moment, while files come, change, move and go. The
    events in their order turn nothing into what is there in the end, and no file comes twice."""
    chance = random.Random(5)
    box.env.workflow("take", "events: [other]\ntasks:\n  take: {command: 'true'}\n")
    principal, watch = box.env.principal(), box.watch(*ALL, "--recursive")
    stop, came = threading.Event(), set()

    def churn() -> None:
        serial, names = 0, []
        while not stop.wait(0.002):
            serial += 1
            what = chance.choice("cccwmd") if names else "c"
            if what == "c":
                names.append(f"d{serial % 5}/{serial}")
                box.write(names[-1], f"{serial}")
                came.add(names[-1])
                continue
            name = names.pop(chance.randrange(len(names)))
            if what == "d":
                (box.dir / name).unlink()
            elif what == "w":
                box.write(name, "x" * serial)
                names.append(name)
            else:
                names.append(f"{name}.{serial}")
                (box.dir / name).rename(box.dir / names[-1])

    worker = threading.Thread(target=churn)
    worker.start()
    try:
        for _ in range(25):
            stop.wait(chance.uniform(0.05, 0.6))
            if chance.random() < 0.7:
                watch.kill()
                watch = box.watch(*ALL, "--recursive")
            else:
                principal.kill()
                principal = box.env.principal()
    finally:
        stop.set()
        worker.join()
    files = there(box)
    wait_until(lambda: mirror(box) == files, 60, "the events to tell what is there")
    created = Counter(one["path"] for one in box.payloads() if one["kind"] == "created")
    assert max(created.values()) == 1
    assert len(came) > 500
