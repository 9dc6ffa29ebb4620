"""Checks of transport, frames, the body and versions: what holds for every daemon."""

from __future__ import annotations

import json
import time

import zmq
from zmq.utils.monitor import recv_monitor_message

from cdktr_common.errors import CODES
from cdktr_common.sockets import MAX_FRAMES, MAX_REQUEST
from cdktr_conform import vectors
from cdktr_conform.report import Line
from cdktr_conform.server.bench import Bench, checks, parsed

PING = b'{"type":"ping","id":"7"}'
CHECKS, check = checks()


@check("T1", "hello tells all addresses", of="any")
def endpoints(bench: Bench, line: Line) -> None:
    told = bench.welcome.get("endpoints", {})
    wanted = ("logd", "logs") if bench.recorder else ("principal", "events")
    for name in wanted:
        line.expect(bool(told.get(name)), f"an address of {name}", {"type": "hello"}, bench.welcome)


@check("V2", "hello tells protocol and version of the program", of="any")
def protocol(bench: Bench, line: Line) -> None:
    told = bench.welcome
    good = told.get("protocol") == 1 and all(isinstance(told.get(k), str) and told[k]
                                             for k in ("program", "version"))  # fmt: skip
    line.expect(good, "protocol 1, program and version", {"type": "hello"}, told)


@check("F1", "every frame but the last comes back unchanged", of="any")
def envelopes(bench: Bench, line: Line) -> None:
    with bench.peer(zmq.DEALER) as peer:
        for vector in vectors.envelopes():
            sent = [vectors.frame_bytes(frame) for frame in vector["request"]]
            peer.send(sent)
            *front, body = peer.receive()
            wanted = [vectors.frame_bytes(frame) for frame in vector["reply_front"]]
            good = front == wanted and parsed(body)["type"] == "pong"
            line.expect(good, "the frames before the body, and a pong", sent, [*front, body])


@check("F2", "REQ, REQ with correlation and DEALER all work", of="any")
def clients(bench: Bench, line: Line) -> None:
    for options in ({}, {"REQ_CORRELATE": 1}, {"REQ_CORRELATE": 1, "REQ_RELAXED": 1}):
        with bench.peer(zmq.REQ, **options) as peer:
            for _ in range(3):
                line.expect(peer.ask(PING)["type"] == "pong", f"a pong for REQ {options}", PING)
            if "REQ_RELAXED" in options:
                peer.send([b'{"type":"hello","id":"8"}'])  # its answer is not waited for
                line.expect(peer.ask(PING)["type"] == "pong", "the answer to the later one", PING)
    with bench.peer(zmq.DEALER) as peer:
        for front in ([], [b""], [b"anything", b""]):
            line.expect(
                peer.ask(PING, front)["type"] == "pong", "a pong for DEALER", [*front, PING]
            )


@check("F3", "many requests under way are told apart by id, and none holds up another", of="any")
def many(bench: Bench, line: Line) -> None:
    with bench.peer(zmq.DEALER) as peer:
        if not bench.recorder:
            slow = {"type": "event.list", "id": "slow", "after": bench.newest(), "wait_s": 5}
            peer.send([b"", json.dumps(slow).encode()])
        ids = [f"n{number}" for number in range(50)]
        for number, name in enumerate(ids):
            kind = "ping" if number % 2 else "hello"
            peer.send([b"", json.dumps({"type": kind, "id": name}).encode()])
        came: list[str] = []
        begun = time.monotonic()
        while set(ids) - set(came) and time.monotonic() - begun < 4:
            body = parsed(peer.receive(4)[-1])
            came.append(body.get("id", ""))
            wanted = "pong" if came[-1][:1] == "n" and int(came[-1][1:]) % 2 else "welcome"
            line.expect(came[-1] == "slow" or body["type"] == wanted, f"a {wanted}", came[-1], body)
        line.expect(
            sorted(set(came) - {"slow"}) == sorted(ids), "an answer to each, once", ids, came
        )


@check("F4", "a message of too many frames is dropped unanswered", of="any")
def too_many_frames(bench: Bench, line: Line) -> None:
    for count in (MAX_FRAMES, 2000):
        with bench.peer(zmq.DEALER) as peer:
            peer.send([b"f"] * (count - 1) + [b"", PING])  # and the one that the server adds
            peer.send([b"", b'{"type":"ping","id":"after"}'])
            got = parsed(peer.receive()[-1])
            line.expect(got.get("id") == "after", "no answer to it, one to the next",
                        f"{count + 1} frames", got)  # fmt: skip


@check("F5", "a frame over the limit closes the connection, one at the limit is taken", of="any")
def too_large(bench: Bench, line: Line) -> None:
    with bench.peer() as peer:
        body = PING[:-1] + b" " * (MAX_REQUEST - len(PING)) + b"}"
        line.expect(peer.ask(body)["type"] == "pong", f"a pong for {len(body)} bytes", body)
    with bench.peer(zmq.DEALER) as peer:
        monitor = peer.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        peer.send([b"", PING])
        peer.receive()
        peer.send([b"", b" " * (MAX_REQUEST + 1)])
        closed = bool(monitor.poll(10_000)) and bool(recv_monitor_message(monitor))
        line.expect(closed, "the connection closed", f"{MAX_REQUEST + 1} bytes", "still connected")
        peer.socket.disable_monitor()
        monitor.close(0)


@check("F6", "every malformed request is answered with its code", of="any")
def malformed(bench: Bench, line: Line) -> None:
    me = "logd" if bench.recorder else "principal"
    with bench.peer() as peer:
        for vector in vectors.malformed():
            if vector["to"] in ("any", me):
                body = vectors.frame_bytes(vector["frames"][-1])
                got = peer.ask(body)
                line.expect(got.get("code") == vector["error"], vector["error"], body, got)


@check("A7", "an error to what is no JSON has no id", of="any")
def no_id(bench: Bench, line: Line) -> None:
    with bench.peer() as peer:
        for body in (b'{"type":"ping","id":"7"', b"hello", b'{"id":"7","type":"ping"} x'):
            got = peer.ask(body)
            line.expect(got["type"] == "error" and got.get("id") is None, "no id", body, got)


@check("F7", "bad input disturbs nobody: those who were there go on", of="any")
def undisturbed(bench: Bench, line: Line) -> None:
    with bench.peer() as other, bench.peer(zmq.DEALER) as bad:
        before = other.ask(PING)
        bad.send([b"x"] * 50)
        bad.send([b"", b"\x00\xff" * 5000])
        bad.send([b""])
        bad.send([b"", b" " * (MAX_REQUEST + 1)])
        after = other.ask(PING)
        same = all(before.get(key) == after.get(key) for key in ("pid", "started_ts", "epoch"))
        line.expect(after["type"] == "pong" and same, "the same daemon as before", PING, after)


@check("B1", "the answer carries the id of the request", of="any")
def ids(bench: Bench, line: Line) -> None:
    with bench.peer() as peer:
        for name in ("", "7", "ünï ☃", 'with "quotes" and \\', "\u0001", "x" * 1000):
            for body in ({"type": "ping", "id": name}, {"type": "nosuch", "id": name}):
                got = peer.ask(json.dumps(body).encode())
                line.expect(got.get("id") == name, f"id {name!r:.40}", body, got)


@check("B2", "a missing key means its default", of="any")
def defaults(bench: Bench, line: Line) -> None:
    pairs = [({"type": "hello"}, {"type": "hello", "v": 1, "program": "", "protocol": 1})]
    if not bench.recorder:
        full = {"type": "event.list", "after": 0, "limit": 1000, "topic": "", "wait_s": 0}
        pairs.append(({"type": "event.list"}, full))
    for short, full in pairs:
        got = [bench.ask(**body) for body in (short, full)]
        for reply in got:
            reply.pop("newest", None)  # others may be at work
        line.expect(got[0].keys() == got[1].keys(), "the same answer", short, got)


@check("B3", "keys that it does not know are ignored", of="any")
def unknown_keys(bench: Bench, line: Line) -> None:
    with bench.peer() as peer:
        for vector in vectors.tolerated():
            body = vectors.frame_bytes(vector["frames"][-1])
            got = peer.ask(body)
            good = got["type"] == "pong" and got.get("id") == vector["same_as"].get("id")
            line.expect(good, f"a pong with id {vector['same_as'].get('id')}", body, got)


@check("E2", "codes are of the closed table, `retry` is as it says, `near` helps", of="any")
def codes(bench: Bench, line: Line) -> None:
    bodies = [vectors.frame_bytes(vector["frames"][-1]) for vector in vectors.malformed()]
    with bench.peer() as peer:
        for body in bodies:
            got = peer.ask(body)
            if got["type"] == "error":
                known = CODES.get(got.get("code", ""))
                good = known is not None and got.get("retry", False) == known.retry
                line.expect(good, "a code of the table, with its `retry`", body, got)
        got = peer.ask(b'{"type":"pin"}')
        line.expect("ping" in got.get("near", []), "near: ping", b'{"type":"pin"}', got)


@check("E4", "no traceback on the wire", of="any")
def no_traceback(bench: Bench, line: Line) -> None:
    with bench.peer() as peer:
        for vector in vectors.malformed():
            body = vectors.frame_bytes(vector["frames"][-1])
            text = json.dumps(peer.ask(body))
            good = not any(word in text for word in ("Traceback", 'File \\"', "panic", " at 0x"))
            line.expect(good, "words for people", body, text)


@check("V1", "another version of the protocol is answered with `version`", of="any")
def versions(bench: Bench, line: Line) -> None:
    for body in ({"type": "ping", "v": 2}, {"type": "not.known.yet", "v": 2}):
        got = bench.ask(**body)
        line.expect(got.get("code") == "version", "version", body, got)


@check("V3", "a message that it does not know is answered with `unknown_type`", of="any")
def unknown_type(bench: Bench, line: Line) -> None:
    for kind in ("moon.rise", "ping2", "a" * 500):
        got = bench.ask(type=kind)
        line.expect(got.get("code") == "unknown_type", "unknown_type", {"type": kind}, got)
