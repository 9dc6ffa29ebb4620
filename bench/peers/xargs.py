"""xargs -P: one command for all lines, no state. `check` cannot be asked of it."""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))
from bench.common import Peer, main


class Xargs(Peer):
    workloads = ("w1", "w4")

    def start(self, slots):
        self.slots = slots

    def run(self, tasks):
        lines = "".join(" ".join(argv[1:]) + "x\n" for argv, _ in tasks)
        subprocess.run(
            ["xargs", "-P", str(self.slots), "-n", "1", tasks[0][0][0]],
            input=lines.encode(), stdout=subprocess.DEVNULL, check=True,
        )  # fmt: skip


main(Xargs)
