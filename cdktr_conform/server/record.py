"""Checks of the record and of what is published: pages, numbers, and that the two say the same."""

from __future__ import annotations

import time

import msgspec

from cdktr_common.catalogue import FACTS
from cdktr_common.codec import encode
from cdktr_conform.report import Line
from cdktr_conform.server.bench import Bench, Message, Peer, Silent, checks, elapsed, parsed

CHECKS, check = checks()

KINDS = {str(kind.__struct_config__.tag): kind for kind in FACTS}
LOOKED_AT = 2000
"""So many of the newest facts are looked at."""


def topic_of(fact: Message) -> str | None:
    """The topic of a fact, None for one of a newer version. Raises what msgspec raises."""
    kind = KINDS.get(fact["type"])
    return None if kind is None else msgspec.json.decode(encode(fact), type=kind).topic()


def activity(bench: Bench, count: int) -> list[int]:
    """Fire some events; their seqs."""
    before = bench.newest()
    mark = bench.new()
    for number in range(count):
        bench.fire(key=f"{mark}-{number}", payload=mark)
    return [fact["seq"] for fact in bench.own(before) if fact.get("payload") == mark]


@check("event.list", "`after` -1: no facts, only the newest number")
def only_newest(bench: Bench, line: Line) -> None:
    got = bench.ask(type="event.list", after=-1)
    good = got["type"] == "event.page" and not got.get("events") and "newest" in got
    line.expect(
        good and got.get("last") == got.get("newest"), "newest, no events", {"after": -1}, got
    )


@check("event.list", "each fact is one of the catalogue, or of a newer version")
def facts_fit(bench: Bench, line: Line) -> None:
    for fact in bench.facts(max(0, bench.newest() - LOOKED_AT)):
        try:
            topic_of(fact)
            line.expect(True, "")
        except (msgspec.ValidationError, msgspec.DecodeError) as fault:
            line.expect(False, str(fault), "event.list", fact)


@check("S2", "`seq` grows by one over all facts; `prev` is the one before on the same topic")
def numbers(bench: Bench, line: Line) -> None:
    last: int | None = None
    by_topic: dict[str, int] = {}
    for fact in bench.facts(max(0, bench.newest() - LOOKED_AT)):
        seq, prev = fact.get("seq", 0), fact.get("prev", 0)
        line.expect(last is None or seq == last + 1, f"seq after {last}", "event.list", fact)
        last = seq
        topic = topic_of(fact)
        if topic is not None:
            known = by_topic.get(topic)
            good = prev == known if known is not None else prev < seq
            line.expect(good, f"prev {known} on {topic}", "event.list", fact)
            by_topic[topic] = seq


@check("L2", "a page holds at most what was asked for, and pages together hold everything")
def pages(bench: Bench, line: Line) -> None:
    begin = max(0, bench.newest() - 50)
    whole = [fact["seq"] for fact in bench.facts(begin)]
    for limit in (1, 3, 7):
        after, found = begin, list[int]()
        while after < whole[-1]:
            page = bench.ask(type="event.list", after=after, limit=limit)
            events = [fact["seq"] for fact in page.get("events", [])]
            line.expect(len(events) <= limit, f"at most {limit}", {"after": after}, events)
            if not line.expect(page.get("last", 0) > after, "`last` moves", {"after": after}, page):
                return
            found += events
            after = page["last"]
        line.expect(found[: len(whole)] == whole, "every fact once, in order", limit, found)


@check("event.list", "`topic` chooses by the beginning, and `last` goes on over what it passes")
def by_topic(bench: Bench, line: Line) -> None:
    begin = max(0, bench.newest() - 200)
    everything = bench.facts(begin)
    for topic in ("event/", "run/", "workflow/", "principal/"):
        wanted = [one["seq"] for one in everything if (topic_of(one) or "").startswith(topic)]
        found = [one["seq"] for one in bench.facts(begin, topic)]
        line.expect(found[: len(wanted)] == wanted, f"{len(wanted)} on {topic}", topic, found)
    page = bench.ask(type="event.list", after=begin, topic="nosuch/")
    good = not page.get("events") and page.get("last", 0) >= everything[-1]["seq"]
    line.expect(good, "none, and `last` at the newest", "nosuch/", page)


@check("event.list", "asked twice, it says the same")
def repeatable(bench: Bench, line: Line) -> None:
    newest = bench.newest()
    asked = {"type": "event.list", "after": max(0, newest - 20), "limit": 10}
    one, two = (bench.ask(**asked).get("events") for _ in range(2))
    line.expect(one == two, "the same facts", asked, two)


def heard(news: Peer, until: set[int], seconds: float) -> list[tuple[list[bytes], Message]]:
    """What is published until all these facts have come, or the time is over."""
    found: list[tuple[list[bytes], Message]] = []
    left, begun = set(until), time.monotonic()
    while left and elapsed(begun) < seconds:
        try:
            frames = news.receive(0.5)
        except Silent:
            continue
        found.append((frames, parsed(frames[-1])))
        left.discard(found[-1][1].get("seq", 0))
    return found


@check("S1", "facts are published as two frames, the topic ends in `/` and is that of the fact")
def published(bench: Bench, line: Line) -> None:
    with bench.subscribed("") as news:
        first_word(bench, news)
        seqs = set(activity(bench, 20))
        messages = heard(news, seqs, 5)
    for frames, fact in messages:
        good = len(frames) == 2 and frames[0].endswith(b"/")
        if good and "seq" in fact:
            topic = topic_of(fact)
            good = topic is None or frames[0].decode() == topic
        line.expect(good, "topic and body", "", frames)
    came = {fact.get("seq") for _, fact in messages}
    line.expect(seqs <= came, f"facts {sorted(seqs)}", "20 events", sorted(map(str, came)))


@check("S7", "what is published stands in the record, the same, as soon as it is published")
def committed(bench: Bench, line: Line) -> None:
    with bench.subscribed("event/") as news:
        first_word(bench, news)
        before = bench.newest()
        seqs = set(activity(bench, 10))
        messages = heard(news, seqs, 5)
    record = {fact["seq"]: fact for fact in bench.facts(before, "event/")}
    for _, fact in messages:
        if fact.get("seq", 0) > before:
            line.expect(record.get(fact["seq"]) == fact, "the same in event.list", fact,
                        record.get(fact["seq"]))  # fmt: skip


@check("S2", "`prev` of what is published leads to the one before on its topic")
def chain(bench: Bench, line: Line) -> None:
    with bench.subscribed("event/") as news:
        first_word(bench, news)
        messages = heard(news, set(activity(bench, 10)), 5)
    last: int | None = None
    for _, fact in messages:
        line.expect(last is None or fact.get("prev") == last, f"prev {last}", "", fact)
        last = fact.get("seq")


@check("S5", "`stat/` tells the newest number of each topic and of all, every two seconds")
def stat(bench: Bench, line: Line) -> None:
    with bench.subscribed("stat/") as news:
        newest = max(activity(bench, 1))
        stats: list[Message] = []
        begun = time.monotonic()
        while elapsed(begun) < 7 and sum(s.get("newest", 0) >= newest for s in stats) < 2:
            for _, body in heard(news, {-1}, 0.5):
                stats.append(body)
        telling = [one for one in stats if one.get("newest", 0) >= newest]
    line.expect(len(telling) >= 2, "told twice within 7 s", f"seq {newest}", stats)
    for one in telling:
        streams = one.get("streams", {})
        good = one.get("type") == "stream.stat" and streams.get("event/", 0) >= newest
        line.expect(good, f"event/ at {newest}", "", one)


@check("S8", "subscribing and reading the record, in either order, misses nothing")
def joined(bench: Bench, line: Line) -> None:
    for subscribe_first in (True, False):
        start = bench.newest()
        seqs = activity(bench, 5)
        past = [] if subscribe_first else bench.facts(start, "event/")
        with bench.subscribed("event/") as news:
            first_word(bench, news)
            seqs += activity(bench, 5)
            past = past + bench.facts(start, "event/")
            seqs += activity(bench, 5)
            live = heard(news, {seqs[-1]}, 5)
        have = {fact["seq"] for fact in past} | {fact.get("seq") for _, fact in live}
        line.expect(set(seqs) <= have, "all facts", seqs, sorted(map(str, have)))


def first_word(bench: Bench, news: Peer) -> None:
    """Wait until the subscription is there: subscribing takes a moment that nothing else tells."""
    for _ in range(6):
        seq = activity(bench, 1)
        if any(fact.get("seq") in seq for _, fact in heard(news, set(seq), 0.5)):
            return
