#!/usr/bin/env python3
"""Prints how each run ended and misses none: a complete listener, with only zmq and json."""

import json
import sys
import time

import zmq


def ask(**request):
    while True:  # the same question again is harmless: a lost answer costs only time
        with zmq.Context.instance().socket(zmq.REQ) as socket:
            socket.linger = 0
            socket.connect(sys.argv[1])
            socket.send(json.dumps(request).encode())
            answer = json.loads(socket.recv()) if socket.poll(3000) else {"retry": True}
        if not answer.get("retry"):
            return answer
        time.sleep(0.5)  # nobody is there, or not now


def read(after):  # published is the bell, event.list the record
    page = ask(type="event.list", topic="run/", after=after)
    for fact in page.get("events", []):
        if fact["type"] == "run.ended":
            print(fact["run"], fact["workflow"], fact["state"], fact.get("code", 0), flush=True)
    return page["last"]


news = zmq.Context.instance().socket(zmq.SUB)
news.subscribe("run/")
news.subscribe("stat/")  # repeats the newest number, so that a lost last message shows, too
news.heartbeat_ivl, news.heartbeat_timeout = 500, 2000  # a connection that is cut silently shows
where = next(e for e in ask(type="hello")["endpoints"]["events"] if e[:3] == sys.argv[1][:3])
host = sys.argv[1][6:].rpartition(":")[0]  # any host is the one that we know
news.connect(where.replace("*", host).replace("0.0.0.0", host))
last = ask(type="event.list", after=-1)["newest"]
while True:
    message = json.loads(news.recv_multipart()[1])
    while last < message.get("newest", message.get("seq", 0)):
        last = read(last)
