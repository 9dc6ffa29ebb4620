"""GNU parallel with --joblog: independent commands, output kept apart, each state recorded."""

import pathlib
import shlex
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))
from bench.common import Peer, main


class Parallel(Peer):
    workloads = ("w1", "w4")

    def start(self, slots):
        self.slots = slots

    def run(self, tasks):
        lines = "".join(shlex.join(argv) + "\n" for argv, _ in tasks)
        subprocess.run(
            ["parallel", "-j", str(self.slots), "--joblog", "joblog"], input=lines.encode(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=self.directory, check=True,
        )  # fmt: skip


main(Parallel)
