"""The pages on files and webhooks, typed again, as the tour is.

A block that is to come `soon` is typed again until it shows what the page says: files and posts
take their time. `python -m tests.integration.test_source_pages` writes the pages anew."""

from __future__ import annotations

import os
import random
import re
import signal
import socket
import sys
import time
from contextlib import suppress

import pytest

from tests.conftest import need_tool
from tests.integration.cli_stand import Stand, lines, stand
from tests.integration.harness import Proc, wait_until
from tests.integration.test_cli_tour import DOCS, HOME, commands, same, shown, typed

PAGES = {name: DOCS / f"{name}.md" for name in ("watch", "http")}
BLOCK = re.compile(
    r"(?:<!-- (stays|soon) -->\n)?```console\n(.*?)```\n|<!-- file: (\S+) -->\n```\w+\n(.*?)```\n",
    re.DOTALL,
)
PORT = "5580"


def free_port() -> str:
    """One that is free, below those that the system gives to connections meanwhile."""
    for port in random.sample(range(15_000, 32_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return str(port)
    raise AssertionError("no port is free")


class Typist:
    """Types a page into a stand; what it shows on the wall is the page with new output."""

    def __init__(self, box: Stand, patient: bool) -> None:
        self.box = box
        self.patient = patient
        self.port = free_port()
        box.env.environ["HOME"] = str(box.env.directory)

    def block(self, block: re.Match[str]) -> str:
        if block[3]:
            file = self.box.env.directory / block[3]
            file.parent.mkdir(exist_ok=True)
            file.write_text(block[4].replace(PORT, self.port))
            return block[0]
        first, *others = commands(block[2])
        if block[1] == "stays":
            output = shown(first, self.goes_on(first))
        else:
            *before, last = [first, *others]
            output = "".join(shown(c, self.type(c)) for c in before)
            output += shown(last, self.soon(last, block[2]) if block[1] else self.type(last))
        mark = f"<!-- {block[1]} -->\n" if block[1] else ""
        return f"{mark}```console\n{self.plain(output)}```\n"

    def plain(self, output: str) -> str:
        output = output.replace(str(self.box.env.home), HOME).replace(self.port, PORT)
        return re.sub(rf"\b{re.escape(socket.gethostname())}\b", "desk", output)

    def type(self, command: str) -> str:
        return typed(self.box, command.replace(PORT, self.port).replace("~/.cdktr/", "h/"))

    def goes_on(self, command: str) -> str:
        if command.startswith("cdktr start"):
            proc = self.box.start_all(*command.split()[2:])
        else:
            listen = f" --listen 127.0.0.1:{self.port}" if "cdktr-http" in command else ""
            argv, env = ["sh", "-c", f"{command}{listen}"], self.box.env
            proc = Proc(f"typed{len(env.procs)}", argv, env.environ, env.directory)
            env.procs.append(proc)
            wait_until(lambda: lines(proc), 20, f"{command}: {proc.errors()}")
        proc.asked_to_end = True
        return "\n".join(lines(proc)) + "\n"

    def soon(self, command: str, wanted: str) -> str:
        """What it prints when it is what the page says, or, for a page that is written anew, when
        it has not changed for a while."""
        seen, since = "", time.monotonic()

        def settled() -> bool:
            nonlocal seen, since
            now = self.type(command)
            if now != seen:
                seen, since = now, time.monotonic()
            if self.patient:
                return time.monotonic() - since > 4
            return looks(self.plain(now)) == looks(wanted.partition(f"{command}\n")[2])

        wait_until(settled, 20, f"{command}: {seen}")
        return seen

    def end(self) -> None:
        for proc in self.box.env.procs:
            if proc.popen.poll() is None:
                os.killpg(proc.pid, signal.SIGTERM)
        wait_until(lambda: not self.box.env.leftovers(), what="an end of all")


def looks(text: str) -> list[str]:
    """Lines without what differs each time, whatever their order."""
    return sorted(line for line in map(same_here, text.split("\n")) if line)


def same_here(line: str) -> str:
    return same(re.sub(r"^\d\d:\d\d:\d\d ", "TIME ", line))


def walk(name: str, patient: bool) -> str:
    """The page with what the programs print now."""
    with stand(agent_name="box1") as box:
        for file in box.env.workflows.iterdir():
            file.unlink()
        box.env.workflows.rmdir()
        del box.env.environ["CDKTR_WORKFLOW_DIR"]
        typist = Typist(box, patient)
        text = BLOCK.sub(typist.block, PAGES[name].read_text())
        typist.end()
    return text


@pytest.mark.parametrize("name", PAGES)
def test_the_page_goes_as_printed(name: str) -> None:
    for tool in ("jq", *(("curl", "openssl") if name == "http" else ())):
        need_tool(tool)
    again = [block[2] for block in BLOCK.finditer(walk(name, patient=False)) if block[2]]
    shown_now = [block[2] for block in BLOCK.finditer(PAGES[name].read_text()) if block[2]]
    assert [looks(one) for one in again] == [looks(one) for one in shown_now], (
        "python -m tests.integration.test_source_pages writes it anew"
    )


if __name__ == "__main__":
    for page in sys.argv[1:] or PAGES:
        PAGES[page].write_text(walk(page, patient=True))
