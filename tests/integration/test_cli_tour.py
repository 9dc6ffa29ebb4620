"""The tour, the guide and the page on events, typed again: what the programs print now must be what
the pages show, up to ids, numbers, what the machine is, and the order of what happens side by side.

`python -m tests.integration.test_cli_tour` writes the pages anew."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from cdktr_common.errors import CODES
from cdktr_conform.page import clauses
from tests.integration.cli_stand import Stand, lines, stand
from tests.integration.harness import Proc, wait_until

DOCS = Path(__file__).parents[2] / "docs"
PAGES = {name: DOCS / f"{name}.md" for name in ("tour", "guide", "events", "listeners")}
BLOCK = re.compile(
    r"(<!-- stays -->\n)?```console\n(.*?)```\n|<!-- file: (\S+) -->\n```\w+\n(.*?)```\n",
    re.DOTALL,
)
"""Commands with their output, or a file that is written."""

HOME = "/home/ada/.cdktr"


def commands(block: str) -> list[str]:
    """What is typed in a block; `> ` continues a command."""
    typed: list[str] = []
    for line in block.split("\n"):
        if line.startswith("$ "):
            typed.append(line[2:])
        elif line.startswith("> "):
            typed[-1] += "\n" + line[2:]
    return typed


def shown(command: str, output: str) -> str:
    """A command with its output, as a terminal shows it."""
    first, *more = command.split("\n")
    return "\n".join([f"$ {first}", *(f"> {line}" for line in more)]) + "\n" + output


def typed(box: Stand, command: str) -> str:
    """The output of a command, both streams as they come."""
    done = subprocess.run(
        ["bash", "-c", command], env=box.env.environ, cwd=box.env.directory, timeout=60,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    return done.stdout


def stays(box: Stand, command: str) -> Proc:
    """A command that goes on, once all that it starts is ready."""
    program, _, *words = command.split()
    assert program == "cdktr"
    return box.start_all(*words)


def walk(text: str, **settings: object) -> str:
    """The page with what the programs print now."""
    with stand(agent_name="box1", **settings) as box:
        for file in box.env.workflows.iterdir():
            file.unlink()
        box.env.workflows.rmdir()
        del box.env.environ["CDKTR_WORKFLOW_DIR"]
        (box.env.directory / "examples").symlink_to(DOCS.parent / "examples")

        def walked(block: re.Match[str]) -> str:
            if block[3]:
                file = box.env.directory / block[3]
                file.parent.mkdir(exist_ok=True)
                file.write_text(block[4])
                return block[0]
            if block[1]:
                proc = stays(box, commands(block[2])[0])
                output = shown(commands(block[2])[0], "\n".join(lines(proc)) + "\n")
                proc.asked_to_end = True
            else:
                output = "".join(shown(c, typed(box, c)) for c in commands(block[2]))
            output = output.replace(str(box.env.home), HOME)
            output = re.sub(rf"\b{re.escape(socket.gethostname())}\b", "desk", output)
            return f"{block[1] or ''}```console\n{output}```\n"

        text = BLOCK.sub(walked, text)
        wait_until(lambda: all(proc.popen.poll() in (0, -9) for proc in box.env.procs))
        assert not box.env.leftovers()
    return text


def told(text: str) -> list[list[str]]:
    """The blocks without what differs each time."""
    blocks = [block[2] for block in BLOCK.finditer(text) if block[2]]
    return [sorted(same(line) for line in block.split("\n")) for block in blocks]


def same(line: str) -> str:
    line = re.sub(r"trigger-[0-9a-f]{20}", "KEY", line)
    line = re.sub(r"conform-[0-9a-f]{8}", "KEY", line)
    line = re.sub(r"\b(kernel|disk) \| .*", r"\1", line)
    line = re.sub(r"\b(\w+)/[a-z0-9]{6}\b", r"\1/RUN", line).replace("agents", "agent")
    line = re.sub(r"\b(?=[a-z]*\d)[a-z0-9]{10}\b|\b[a-z]{10}\b", "RUN", line)
    line = re.sub(r"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun)(?= \d{4}-)", "DAY", line)
    line = re.sub(r"\bon \d{4}-\d\d-\d\d at\b", "at", line)
    line = re.sub(r"\d+(\.\d+)?( ms|m\d\ds|h\d\dm|d\d\dh| s\b|%|[KMGT]\b)?", "N", line)
    return " ".join(line.split())


def test_the_tour_goes_as_printed() -> None:
    goes_as_printed("tour", default_zmq_timeout_ms=2000, agent_heartbeat_timeout_ms=2000)


def test_the_guide_goes_as_printed() -> None:
    goes_as_printed("guide")


def test_the_page_on_events_goes_as_printed() -> None:
    goes_as_printed("events")


def test_the_page_of_listeners_goes_as_printed(need: Callable[[str], str]) -> None:
    need("jq")
    goes_as_printed("listeners")


def test_the_page_of_listeners_knows_every_code_and_clauses_that_there_are() -> None:
    text = PAGES["listeners"].read_text()
    rows = re.findall(r"^\| (`.*?) \| (yes|no) \|", text, re.MULTILINE)
    codes = {code: says == "yes" for names, says in rows for code in re.findall(r"`(\w+)`", names)}
    assert codes == {name: code.retry for name, code in CODES.items()}
    assert set(re.findall(r"\[([A-Z]\d)\]", text)) <= clauses().keys()


def goes_as_printed(name: str, **settings: object) -> None:
    text = PAGES[name].read_text()
    again = walk(text, **settings)
    assert told(again) == told(text), "python -m tests.integration.test_cli_tour rewrites it"


if __name__ == "__main__":
    for name in sys.argv[1:] or PAGES:
        PAGES[name].write_text(walk(PAGES[name].read_text()))
