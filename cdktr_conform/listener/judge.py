"""What a listener did, clause by clause. Pure: it knows what was seen, not how it came about."""

from __future__ import annotations

from cdktr_conform.listener.scenes import SCENES
from cdktr_conform.listener.watch import Asked, Watch
from cdktr_conform.listener.world import World
from cdktr_conform.report import Line

TIGHT_S = 0.05
"""Whoever asks again sooner than that does not wait at all."""


def judge(world: World, watch: Watch, expect: int | None = None) -> list[Line]:
    """All lines of the report."""
    if not watch.requests:
        line = Line("T1", "the listener asks the principal")
        line.expect(False, "a request", "", "nothing was asked")
        return [line]
    return [*_talk(watch), *_scenes(watch), *_source(watch, expect), *_follower(world, watch)]


def in_vain(world: World, watch: Watch) -> bool:
    """Was it waited for an ask that did not come?"""
    undone = any(event.scene.again and not event.done for event in watch.events.values())
    missing = bool(watch.topics) and bool(watch.missing(world.facts))
    return undone or missing or not all(watch.lost_reads.values())


def _talk(watch: Watch) -> list[Line]:
    line = Line("B4", "every request is one that the page knows")
    line.looked = watch.requests - len(watch.wrong)
    for body, why in watch.wrong:
        line.expect(False, why, body)
    reads = Line("A1", "a question that only asks, lost or refused for now, is asked again")
    for question, again in watch.lost_reads.items():
        reads.expect(again, "the same question again", question)
    if not watch.lost_reads:
        reads.skip("no such question was asked")
    return [line, reads]


def _scenes(watch: Watch) -> list[Line]:
    """A line for each scene: did the listener get through it?"""
    lines = []
    events = list(watch.events.values())
    for number, scene in enumerate(SCENES):
        line = Line(scene.clause, scene.what)
        if number >= len(events):
            line.skip(_count(len(events)))
        else:
            _scene(line, events[number])
        lines.append(line)
    return lines


def _scene(line: Line, event: Asked) -> None:
    asks = len(event.times)
    if event.scene.again:
        wanted = len(event.scene.deeds) + (event.scene.deeds[-1] != "both")
        line.expect(asks >= wanted and event.done, f"asked {wanted} times, and then done",
                    event.first, f"asked {asks} times")  # fmt: skip
    else:
        line.expect(event.after_done == 0, "not asked again", event.first, f"asked {asks} times")


def _count(events: int) -> str:
    match events:
        case 0:
            return "it fires no events"
        case 1:
            return "only 1 event was fired"
        case _:
            return f"only {events} events were fired"


def _source(watch: Watch, expect: int | None) -> list[Line]:
    """What holds for all events that were fired."""
    events = list(watch.events.values())
    after = f", also when it was killed ({watch.killed} times)" if watch.killed else ""
    same = Line("A1", "what is asked again is the same, with the same id and key")
    waits = Line("A1", "it waits before it asks again")
    keys = Line("A5", "every event has a key")
    once = Line("A5", f"none is fired again under another key{after}")
    ids = Line("B1", "an id is never used for something else")
    ends = Line("A1", "what was answered is not asked again")
    lines = [same, waits, keys, once, ids, ends]
    if not events:
        for line in lines:
            line.skip("it fires no events")
        return lines
    for event in events:
        if len(event.times) > 1:
            same.expect(not event.different, "the same body", event.first, event.different)
        if event.gaps:
            soon = min(event.gaps)
            waits.expect(soon >= TIGHT_S, "a pause", event.first, f"again in {soon:.3f} s")
        late = event.after_done - (event.scene.deeds[-1:] == ("both",))
        ends.expect(late <= 0, "no more asks", event.first, f"{event.after_done} more")
    for line in (same, waits):
        if not line.looked:
            line.skip("nothing was asked again")
    keys.looked, ids.looked = len(events), len(watch.ids)
    for asked in watch.keyless[:20]:
        keys.expect(False, "a key", asked)
    for asked in watch.reused:
        ids.expect(False, "an id of its own", asked)
    once.looked = len(events)
    for asked in watch.doubled:
        once.expect(False, "the key that it was asked with before", asked)
    if expect is not None:
        count = Line("A5", "as many events as there were to tell")
        count.expect(len(events) == expect, f"{expect} events", "", f"{len(events)} events")
        lines.append(count)
    return lines


def _follower(world: World, watch: Watch) -> list[Line]:
    """What holds for facts that it follows."""
    gaps = Line("S3", "facts that were not published are read from the record")
    away = Line("S8", "facts of the time when the principal was away are read from the record")
    tail = Line("S5", "a lost last message is found by what `stat/` says")
    polls = Line("A9", "a long poll is waited for longer than it may take")
    prints = Line("S4", "each run is told once, though it was published twice")
    alive = Line("S6", "a subscription that is silent is asked whether it is alive: heartbeats")
    host = Line("T2", "an address whose host is `*` is read as the host that was reached")
    lines = [gaps, away, tail, alive, host, polls, prints]
    if not watch.topics:
        for line in lines:
            line.skip("it follows nothing")
        return lines
    missing = set(watch.missing(world.facts))
    by_kind = {"gap": gaps, "away": away, "tail": tail}
    topics = {fact["seq"]: (topic, fact) for topic, fact in world.facts}
    for seq, kind in watch.unpublished.items():
        topic, fact = topics[seq]
        if watch.follows(topic) and seq > (watch.start or 0):
            by_kind[kind].expect(seq not in missing, "read by event.list", "", fact)
    for line in (gaps, away, tail):
        if not line.looked:
            line.skip("there was none")
    if watch.asked_alive is None:
        alive.skip("it subscribes to nothing")
        host.skip("it subscribes to nothing")
    else:
        alive.expect(watch.asked_alive, "a PING of ZMTP", "", "silence")
        host.expect(True, "")
    if not watch.hostless:
        host.skip("only over TCP")
    polls.looked = watch.long_polls
    for asked in watch.impatient:
        polls.expect(False, "no second ask while the first is held back", asked)
    if not watch.long_polls:
        polls.skip("none had to wait" if watch.may_wait else "it makes no long polls")
    _prints(prints, world, watch)
    return lines


def _prints(line: Line, world: World, watch: Watch) -> None:
    """Only when the listener was started by us, and prints runs at all."""
    if not watch.printed:
        line.skip("it prints no runs, or was not started from here")
        return
    for _, fact in world.facts[watch.start or 0 :]:
        if fact["type"] == "run.ended":
            count = watch.printed.get(fact["run"], 0)
            good = count == 1 or (count > 1 and watch.killed > 0)
            line.expect(good, f"{fact['run']} on stdout, once", "", f"{count} times")
