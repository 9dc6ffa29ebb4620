"""GNU make -j: what a graph of commands costs without state, network or capture."""

import pathlib
import shlex
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))
from bench.common import Peer, main


class Make(Peer):
    def start(self, slots):
        self.slots = slots

    def run(self, tasks):
        goals = " ".join(f"t{i}" for i in range(len(tasks)))
        lines = [f"all: {goals}", f".PHONY: all {goals}"]
        for i, (argv, deps) in enumerate(tasks):
            lines += [f"t{i}: " + " ".join(f"t{d}" for d in deps), "\t@" + shlex.join(argv)]
        subprocess.run(
            ["make", "-f", "-", f"-j{self.slots}"], input="\n".join(lines).encode() + b"\n",
            stdout=subprocess.DEVNULL, cwd=self.directory, check=True,
        )  # fmt: skip


main(Make)
