#!/usr/bin/env python3
"""Fires EVENT once for each line of FILE, and prints how every run ended: with only zmq and json.

    lines.py ENDPOINT EVENT FILE

FILE may grow. FILE.told keeps how far it is told and the number of the last fact that was read.
"""

import json
import sys
import time
from pathlib import Path

import zmq

endpoint, event, name = sys.argv[1:4]
told = Path(f"{name}.told")
context = zmq.Context()


def ask(**request):
    """The answer. Until there is one the same body is sent again: its key makes that harmless."""
    body = json.dumps(request).encode()
    while True:
        with context.socket(zmq.REQ) as socket:  # one without an answer cannot be used again
            socket.linger = 0
            socket.connect(endpoint)
            socket.send(body)
            answer = json.loads(socket.recv()) if socket.poll(1000) else None
        if answer and not (answer["type"] == "error" and answer.get("retry")):
            return answer
        if answer:  # busy, a full disk: not now
            time.sleep(0.5)


def fire(line, at):
    key = f"{event}:{name}:{at}"
    payload = {"line": line.rstrip(b"\n").decode(errors="replace")}
    answer = ask(type="event.fire", id=key, event=event, key=key, payload=payload)
    if answer["type"] == "error":  # it will never be taken: say so, and go on
        print(f"{name}:{at}: {answer['code']}: {answer.get('detail')}", file=sys.stderr)


def read(after):
    page = ask(type="event.list", topic="run/", after=after)
    if page["type"] == "error":
        sys.exit(f"event.list: {page['code']}: {page.get('detail')}")
    for fact in page.get("events", []):
        if fact["type"] == "run.ended":
            print(fact["run"], fact["workflow"], fact["state"], flush=True)
    return page.get("last", 0)


addresses = ask(type="hello")["endpoints"]["events"]
address = next((a for a in addresses if a[:3] == endpoint[:3]), addresses[0])
host = endpoint.removeprefix("tcp://").rpartition(":")[0]
news = context.socket(zmq.SUB)
news.heartbeat_ivl, news.heartbeat_timeout = 500, 2000  # a connection cut without a word shows
news.subscribe("run/")
news.subscribe("stat/")  # repeats the newest number: a lost last message shows, too
news.connect(address.replace("*", host).replace("0.0.0.0", host))

numbers = told.read_text().split() if told.exists() else []  # none: killed as it was written
at = int(numbers[0]) if numbers else 0
last = int(numbers[1]) if numbers else ask(type="event.list", after=-1).get("newest", 0)
with open(name, "rb") as file:
    while True:
        file.seek(at)
        while (line := file.readline()).endswith(b"\n"):  # one without end is still being written
            fire(line, at)
            at += len(line)
            told.write_text(f"{at} {last}\n")
        if news.poll(500):  # the bell; the record is event.list
            message = json.loads(news.recv_multipart()[1])
            while last < message.get("newest", message.get("seq", 0)):
                last = read(last)
                told.write_text(f"{at} {last}\n")
