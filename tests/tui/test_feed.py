"""A feed beside real daemons: what it gives through restarts, silences and losses."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cdktr_common.catalogue.facts import RunEnded
from cdktr_common.catalogue.logd import HistoryList
from cdktr_common.catalogue.principal import EventList, EventPage, RunList, RunPage
from cdktr_common.errors import ProtocolError
from cdktr_tui.feed.feed import Feed
from cdktr_tui.feed.items import Answered, Counted, Gap, Item, Link, Output, Told
from cdktr_tui.feed.recording import BadRecording, Recorder
from cdktr_tui.feed.replay import Replay
from cdktr_tui.session import FeedLike
from tests.integration.harness import Env, environment, wait_until


class Taken:
    """A feed and all that it has given."""

    def __init__(self, endpoint: str) -> None:
        self.bell = threading.Event()
        self.feed: FeedLike = Feed(endpoint, self.bell.set)
        self.items: list[Item] = []

    def until(self, check: Callable[[], object], seconds: float = 20.0) -> None:
        def taken() -> bool:
            self.items += self.feed.take()
            return bool(check())

        wait_until(taken, seconds)

    def links(self) -> list[str]:
        return [item.state for item in self.items if isinstance(item, Link)]

    def ended(self) -> list[str]:
        facts = [item.fact for item in self.items if isinstance(item, Told)]
        return [fact.run for fact in facts if isinstance(fact, RunEnded)]


@pytest.fixture
def env() -> Iterator[Env]:
    with environment() as env:
        yield env


def following(env: Env, *topics: str) -> Taken:
    taken = Taken(env.client().endpoint)
    taken.feed.follow(frozenset(topics))
    taken.feed.start()
    taken.until(lambda: "up" in taken.links())
    return taken


def test_every_fact_is_told_once_though_the_principal_dies_again_and_again(env: Env) -> None:
    principal, _, _ = env.everything()
    taken = following(env, "run/")
    runs = []
    for _ in range(3):
        runs += [env.run("true") for _ in range(5)]
        principal.kill()
        principal = env.principal()
        runs += [env.run("true") for _ in range(5)]
    for run in runs:
        env.wait(run)
    newest = env.client().ask(EventList(after=-1), EventPage).newest
    whole = env.client().ask(EventList(after=0, topic="run/", limit=1000), EventPage)
    expected = [raw for raw in whole.events if b"run.ended" in bytes(raw)]
    if any(isinstance(item, Gap) and not item.healed for item in taken.items):
        pytest.fail("nothing here is too much to be asked for")
    taken.until(lambda: len(set(taken.ended())) == len(expected))
    assert newest and len(taken.ended()) == len(set(taken.ended()))
    taken.feed.stop()


def test_a_silent_principal_is_lost_and_comes_back(env: Env) -> None:
    principal = env.principal()
    taken = following(env, "run/")
    principal.signal(signal.SIGSTOP)
    taken.until(lambda: taken.links()[-1] == "lost")
    taken.feed.ask(1, RunList(limit=1), wait_s=0.3)
    taken.until(lambda: any(isinstance(item, Answered) for item in taken.items))
    principal.signal(signal.SIGCONT)
    taken.until(lambda: taken.links()[-1] == "up")
    (answer,) = [item for item in taken.items if isinstance(item, Answered)]
    assert isinstance(answer.reply, ProtocolError) and answer.reply.code == "timeout"
    taken.feed.stop()


def test_what_is_asked_of_a_recorder_that_is_not_there_is_refused_at_once(env: Env) -> None:
    env.principal()
    taken = following(env)
    taken.feed.ask(7, HistoryList(table="runs"))
    taken.until(lambda: any(isinstance(item, Answered) for item in taken.items))
    (answer,) = [item for item in taken.items if isinstance(item, Answered)]
    assert answer.number == 7 and answer.reply.code == "unavailable"
    env.logd()
    taken.until(lambda: any(isinstance(item, Link) and item.logd for item in taken.items))
    taken.feed.stop()


def test_a_recorder_that_says_nothing_is_told_and_so_is_that_it_is_back(env: Env) -> None:
    env.principal()
    logd = env.logd()
    taken = following(env, "log/")

    def away() -> bool:
        return [item for item in taken.items if isinstance(item, Link)][-1].logd_at is not None

    taken.until(lambda: taken.links() and taken.items[-1] and not away())
    logd.signal(signal.SIGSTOP)
    taken.until(away)
    assert taken.links()[-1] == "up", "it is not the principal that is away"
    taken.feed.ask(1, HistoryList(table="runs"))
    logd.kill()
    env.logd()
    taken.until(lambda: not away() and any(isinstance(item, Answered) for item in taken.items))
    taken.feed.stop()


def test_counts_come_by_themselves_and_output_where_it_is_followed(env: Env) -> None:
    env.everything()
    taken = following(env, "log/")
    env.wait(env.run("echo live"))
    taken.until(lambda: any(isinstance(item, Output) for item in taken.items))
    taken.until(lambda: any(isinstance(item, Counted) for item in taken.items))
    assert next(item.chunk.text for item in taken.items if isinstance(item, Output)) == "live\n"
    taken.feed.stop()


def test_a_recording_gives_the_same_news_and_answers_again(env: Env, tmp_path: Path) -> None:
    env.everything()
    path = tmp_path / "recording.ndjson"
    recorder = Recorder(str(path), "prod")
    taken = Taken(env.client().endpoint)
    feed = taken.feed = recorder.around(taken.feed)
    feed.follow(frozenset({"run/"}))
    feed.start()
    taken.until(lambda: "up" in taken.links())
    run = env.run("true")
    env.wait(run)
    taken.until(lambda: run in taken.ended())
    feed.ask(1, RunList(limit=5))
    taken.until(lambda: any(isinstance(item, Answered) for item in taken.items))
    feed.stop()
    recorder.close()

    replay = Replay(str(path), speed=10_000)
    bell = threading.Event()
    replay.wake = bell.set
    replay.start()
    replay.ask(9, RunList(limit=5))
    again: list[Item] = []
    news = [item for item in taken.items if not isinstance(item, Answered)]

    def all_came() -> bool:
        again.extend(replay.take())
        return len(again) == len(news) + 1

    wait_until(all_came)
    assert [item for item in again if not isinstance(item, Answered)] == news
    (answer,) = [item for item in again if isinstance(item, Answered)]
    assert answer.number == 9 and isinstance(answer.reply, RunPage)
    assert [row.run for row in answer.reply.runs] == [run] and replay.principal == "prod"
    replay.stop()


@pytest.mark.parametrize("text", ["", "{}\n", "hello\n", '{"cdktr":"1","began_ts":0}\n{"t":"x"}\n'])
def test_what_is_no_recording_is_refused_with_the_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.ndjson"
    path.write_text(text)
    with pytest.raises(BadRecording, match=r"line \d"):
        Replay(str(path))


def test_the_line_that_was_being_written_when_the_program_died_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "cut.ndjson"
    path.write_text('{"cdktr":"1","began_ts":0}\n{"t":0,"gap":{"topic":"","mis')
    assert Replay(str(path)).take() == []
