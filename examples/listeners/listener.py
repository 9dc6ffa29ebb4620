#!/usr/bin/env python3
"""Prints how each run ended and misses none: a complete listener, with only zmq and json."""

import json
import sys

import zmq

context, last = zmq.Context(), {}  # last: how far each topic is read


def ask(**request):
    while True:  # the same question again is harmless: a lost answer costs only time
        with context.socket(zmq.REQ) as socket:
            socket.linger = 0
            socket.connect(sys.argv[1])
            socket.send(json.dumps(request).encode())
            if socket.poll(3000):
                return json.loads(socket.recv())


def read(topic, newest):
    while last.setdefault(topic, start) < newest:  # published is the bell, event.list the record
        page = ask(type="event.list", topic=topic, after=last[topic])
        last[topic] = page["last"]
        for fact in page["events"]:
            if fact["type"] == "run.ended":
                print(fact["run"], fact["workflow"], fact["state"], fact.get("code", 0), flush=True)


news = context.socket(zmq.SUB)
news.subscribe("run/")
news.subscribe("stat/")  # repeats the newest numbers, so that a lost last message shows, too
news.heartbeat_ivl, news.heartbeat_timeout = 500, 2000  # a connection that is cut silently shows
news.connect(next(e for e in ask(type="hello")["endpoints"]["events"] if e[:3] == sys.argv[1][:3]))
start = ask(type="event.list", after=-1)["newest"]
while True:
    topic, fact = (json.loads(f) if i else f.decode() for i, f in enumerate(news.recv_multipart()))
    for stream, newest in fact.get("streams", {topic: fact.get("seq", 0)}).items():
        read(stream, newest) if stream.startswith("run/") else None
