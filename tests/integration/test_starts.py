"""What files of each dialect say of time, kept by the real programs: each starts when it said."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from cdktr_common.catalogue import principal as p
from cdktr_common.times import rfc3339
from tests.integration.harness import Env, wait_until

NOTE = 'echo "$CDKTR_SCHEDULED_TIME $CDKTR_PARAM_WHO" >> {file}'


def shots(file: Path) -> list[tuple[str, str]]:
    lines = file.read_text().splitlines() if file.exists() else []
    return [(line.split()[0], " ".join(line.split()[1:])) for line in lines]


def test_every_way_to_say_when(env: Env) -> None:
    def note(name: str) -> str:
        return NOTE.format(file=Path(env.directory, name))

    env.principal()
    env.agent(slots=8)
    env.cron()
    soon = time.time() + 3
    tokyo = datetime.fromtimestamp(int(soon), ZoneInfo("Asia/Tokyo"))
    shot = f"{tokyo:%Y-%m-%dT%H:%M:%S}"
    env.workflow("ours", f"""
params: {{who: nobody}}
timezone: Asia/Tokyo
schedule:
  - {{cron: "* * * * * *", params: {{who: seconds}}, end: {shot}}}
  - {{at: {shot}, params: {{who: once}}}}
  - {{every: 1s, params: {{who: later}}, start: {tokyo + timedelta(days=1):%Y-%m-%dT%H:%M}}}
  - {{every: 2s, params: {{who: never}}, paused: true}}
tasks: {{note: {{command: '{note("ours")}'}}}}
""")  # fmt: skip
    env.workflow("alone", f"start_time: {shot}+09:00\ntasks: {{a: {{command: '{note('alone')}'}}}}")
    env.workflow("daily", f"""
start_time: {tokyo:%H:%M:%S}
timezone: Asia/Tokyo
tasks: {{note: {{command: '{note("daily")}'}}}}
""")  # fmt: skip
    env.workflow("conducktor", f"""
schedule: "TZ=Asia/Tokyo {tokyo.second} {tokyo.minute} {tokyo.hour} * * *"
tasks: [{{name: Note, command: '{note("conducktor")}'}}]
dag: []
""")  # fmt: skip
    env.workflow("tork", f"""
schedule: {{cron: "@every 1s"}}
tasks: [{{name: note, run: '{note("tork")}'}}]
""")  # fmt: skip
    env.client().ask(p.WorkflowReload(), p.WorkflowReloaded)
    due = rfc3339(float(int(soon)))
    files = {name: Path(env.directory, name) for name in
             ("ours", "alone", "daily", "conducktor", "tork")}  # fmt: skip
    for name in ("alone", "daily", "conducktor"):
        wait_until(partial(shots, files[name]), 15, name)
        assert shots(files[name]) == [(due, "")]
    wait_until(lambda: (due, "once") in shots(files["ours"]), 10, "once")
    wait_until(lambda: (due, "seconds") in shots(files["ours"]), 10, "the end")
    told = shots(files["ours"])
    assert {who for _, who in told} == {"once", "seconds"}
    assert max(told)[0] == due
    assert len(set(told)) == len(told)
    assert len(shots(files["tork"])) >= 2
