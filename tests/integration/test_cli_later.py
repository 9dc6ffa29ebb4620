"""What `cdktr-trigger` is told to do later, and what it says of events that start nothing now."""

from __future__ import annotations

import json

from cdktr_common.catalogue import principal as p
from tests.integration.cli_stand import Stand, stand
from tests.integration.harness import wait_until

LISTENERS = """\
events:
  - {event: "file.*", if: "event.payload.size > 0", debounce: 1h}
  - {event: alarm, throttle: 1h}
tasks: {a: {command: 'true', labels: [nowhere]}}
"""


def runs_of(box: Stand, workflow: str) -> int:
    page = box.env.client().ask(p.RunList(workflow=workflow), p.RunPage)
    return len(page.runs)


def said(box: Stand, *words: str, code: int = 0) -> str:
    done = box.call("cdktr-trigger", *words)
    assert done.returncode == code, done
    return str(done.stderr.decode())


def test_what_is_put_off_is_listed_taken_back_and_fired_over_a_restart() -> None:
    with stand() as box:
        principal = box.env.principal()
        again = ("my-event", "--delay", "1h", "--key", "K", "--source", "ada")
        assert "cdktr-trigger: is to be fired " in said(box, *again)
        assert said(box, *again) == said(box, *again)  # the same key: the same one
        assert "no workflow listens to 'nobody' now" in said(
            box, "nobody", "--at", "tomorrow 3:00", "--require-listener", code=3
        )
        box.out("cdktr-trigger", "--workflow", "my-workflow", "--delay", "1s")
        principal.kill()
        box.env.principal()
        waiting = json.loads(box.out("cdktr-ctl", "pending", "--json"))
        shown = {(row["event"], row["workflow"], row["key"], row["source"]) for row in waiting}
        assert ("my-event", None, "K", "ada") in shown
        assert len(waiting) in (2, 3)
        wait_until(lambda: runs_of(box, "my-workflow") == 1)
        first = next(row["deferred"] for row in waiting if row["key"] == "K")
        taken_back = box.out("cdktr-ctl", "pending", "--cancel", first[:8], "--reason", "enough")
        assert first in taken_back
        assert said(box, *again).endswith("and will not be fired: enough\n")
        assert box.call("cdktr-ctl", "pending", "--cancel", "none").returncode == 3
        [left] = json.loads(box.out("cdktr-ctl", "pending", "--json"))
        assert left["event"] == "nobody"
        told = box.out("cdktr-ctl", "events", "--after", "0", "--topic", "event/")
        assert f"'my-event' is to be fired {waiting[0]['due'][:4]}" in told
        assert f"{first} will not be: enough" in told
        assert box.out("cdktr-trigger", "my-event", "--at", "2026-01-31 22:30") != ""  # long past


def test_windows_pauses_and_conditions_are_told() -> None:
    with stand() as box:
        box.env.workflow("listens", LISTENERS)
        box.env.principal()
        size = ("--payload", '{"size": %d}')
        held = said(box, "file.new", size[0], size[1] % 1)
        assert held.startswith("cdktr-trigger: listens holds it in a window, to end ")
        [window] = json.loads(box.out("cdktr-ctl", "pending", "--json"))
        assert (window["workflow"], window["count"], window["deferred"]) == ("listens", 1, None)
        assert "listens   1 event" in box.out("cdktr-ctl", "pending")
        passed = said(box, "file.new", size[0], size[1] % 0, "--require-listener")
        assert passed.startswith("cdktr-trigger: listens was not started: if is false: ")
        assert said(box, "alarm") == ""
        assert "listens was not started: throttled until" in said(box, "alarm")
        box.out("cdktr-ctl", "pause", "listens")
        assert said(box, "alarm") == "cdktr-trigger: listens was not started: paused\n"
        document = json.loads(box.out("cdktr-trigger", "alarm", "--json"))
        assert (document["listeners"], document["passed"]) == (1, {"listens": "paused"})
        line = box.call("cdktr-trigger", "--stdin", "alarm", input=b"1\n").stdout
        assert json.loads(line)["passed"] == {"listens": "paused"}
        box.out("cdktr-ctl", "resume", "listens")
        told = box.out("cdktr-ctl", "events", "--after", "0")
        for sentence in (
            "'file.new' listens holds it in a window to 20",
            "'file.new' listens not started: if is false: event.payload.size > 0",
            "listens is paused: by ",
            "'alarm' listens not started: paused",
            "listens goes on",
        ):
            assert sentence in told
