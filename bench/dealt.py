"""W9 without a program at the other end: a bare DEALER with thousands of events under way.

What the principal itself can accept, each event in its synced journal before it is answered: when
nobody listens, when all wait in the window of a listener, and when each starts a run.
"""

from __future__ import annotations

import time

import msgspec
import zmq

UNDER_WAY = 4000
"""Requests that are not answered yet."""


def dealt(endpoint: str, event: str, count: int) -> float:
    """Events a second. What was not accepted is an error of the measurement."""
    payloads = ({"path": f"/data/in/{n:06}.csv", "size": n} for n in range(count))
    bodies = [
        msgspec.json.encode(
            {"type": "event.fire", "id": f"{event}{n}", "event": event, "payload": p}
        )
        for n, p in enumerate(payloads)
    ]
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.set_hwm(0)
        socket.connect(endpoint)
        sent = 0
        began = time.perf_counter()
        for got in range(count):
            while sent < count and sent - got < UNDER_WAY:
                socket.send_multipart((b"", bodies[sent]))
                sent += 1
            answer = socket.recv_multipart()[-1]
            assert b'"type":"run.started"' in answer, answer[:500]
        return count / (time.perf_counter() - began)
