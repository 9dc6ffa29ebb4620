"""One file copied to a machine that has Debian's python3 and nothing else: it takes tasks from a
principal across a network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cdktr_common.catalogue.values import Plan, TaskPlan
from tests.integration import bare_root
from tests.integration.harness import Env, Proc, wait_until

ROOT = Path(__file__).parents[2]
OUTSIDE, INSIDE = "10.211.55.1", "10.211.55.2"
WHERE = "import sys, os; print(sys.executable, sys.version_info[:2] >= (3, 11), os.listdir('/opt'))"


def test_one_file_makes_a_bare_machine_an_agent(env: Env, need: Callable[[str], str]) -> None:
    need("dpkg-query")
    need("chroot")
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    build = [sys.executable, str(ROOT / "build" / "shiv" / "build"), "cdktr-agent"]
    subprocess.run(build, check=True, capture_output=True)
    root = env.directory / "root"
    bare_root.make(root)
    shutil.copy(ROOT / "dist" / "cdktr-agent.pyz", root / "opt")
    name = f"cdktr{os.getpid() % 100000}"
    with bare_root.namespace(name, OUTSIDE, INSIDE):
        env.set(principal_host=OUTSIDE, principal_port=5561, insecure=1)
        env.principal()
        env.logd()
        inside = (
            f"cd /tmp && exec /opt/cdktr-agent.pyz --host-port {OUTSIDE}:5561 --insecure"
            " --name bare --label bare"
        )
        # `ip netns exec` gives a mount namespace of its own, so /proc is gone with the process.
        enter = f"mount -t proc proc {root}/proc && exec chroot {root} /bin/sh -c '{inside}'"
        clean = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "CDKTR_HOME": str(env.home),  # a path in there; also how leftovers are found
        }
        argv = [need("ip"), "netns", "exec", name, "/bin/sh", "-c", enter]
        agent = Proc("agent-bare", argv, clean, env.directory)
        env.procs.append(agent)
        agent.ready(60)
        tasks = [
            TaskPlan(id="where", argv=["python3", "-c", WHERE], labels=["bare"]),
            TaskPlan(id="shell", command="cat /etc/hostname; exit 3", labels=["bare"]),
        ]
        run = env.submit(Plan(workflow="bare", tasks=tasks))
        row = env.wait(run)
        assert (row.state, row.code) == ("FAILED", 3)
        assert {a.agent for task in env.tasks(run).values() for a in task.attempts} == {"bare"}

        def told(task: str) -> str:
            return env.command("cdktr-logs", "--raw", "--run", run, "--task", task).stdout

        env.environ["PATH"] = f"{ROOT / 'bin'}:{env.environ['PATH']}"
        env.environ["CDKTR_PYTHON"] = sys.executable
        wait_until(lambda: told("where") == "/usr/bin/python3 True ['cdktr-agent.pyz']\n")
        wait_until(lambda: told("shell") == "bare\n")
        assert agent.stop() == 0, agent.errors()
