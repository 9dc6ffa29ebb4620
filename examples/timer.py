#!/usr/bin/env python3
"""Starts workflows with `schedule: {every: ...}`, beside or in place of cdktr-cron: only zmq, json.

What passed while nobody told of it goes into the newest that is due, whatever its catch-up is."""

import json
import sys
import time

import zmq

context = zmq.Context()


def ask(**request):
    while True:  # the same question again is harmless: a lost answer costs only time
        with context.socket(zmq.REQ) as socket:
            socket.linger = 0
            socket.connect(sys.argv[1])
            socket.send(json.dumps(request).encode())
            if socket.poll(3000):
                return json.loads(socket.recv())


def tell(row):  # what is due of a schedule, and when it is due next
    step, at, now = row["spec"]["every_s"], row["ticked_ts"], time.time()
    due = [n * step for n in range(int(at / step) + 1, int(now / step) + 1)][:500]
    pauses = row.get("pauses", [])  # nothing of them starts
    awake = [ts for ts in due if not any(begin < ts <= end for begin, end in pauses)]
    ticks = []
    for ts in due:
        act = "suppressed" if ts not in awake else "fire" if ts == awake[-1] else "coalesced"
        tick = {"workflow": row["workflow"], "schedule": row["schedule"], "act": act}
        ticks += [{**tick, "after_ts": at, "due_ts": ts, "into_ts": awake[-1] if awake else None}]
        at = ts
    if ticks:
        ask(type="tick.report", ticks=ticks)
    return (int(now / step) + 1) * step


def mine(row):  # the others are for those who understand them
    spec = row["spec"]
    simple = spec.get("every_s") and not spec.get("start") and not spec.get("end")
    return simple and not row.get("paused") and not row.get("until_ts")


news = context.socket(zmq.SUB)
news.subscribe("workflow/")
news.connect(next(e for e in ask(type="hello")["endpoints"]["events"] if e[:3] == sys.argv[1][:3]))
print("ready timer", sys.argv[1], flush=True)
while True:
    rows = filter(mine, ask(type="schedule.list")["schedules"])
    coming = min([tell(row) for row in rows], default=time.time() + 60)
    news.poll(max(1, 1000 * min(60, coming - time.time())))
    while news.poll(0):
        news.recv_multipart()  # whatever it was: all are read again
