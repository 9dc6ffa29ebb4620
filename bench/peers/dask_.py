"""Dask distributed: a scheduler and two worker processes; a task is a subprocess, captured."""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))
from bench.common import Peer, main

ADDRESS = "tcp://127.0.0.1:15786"


def call(argv, *_deps):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


class Dask(Peer):
    def start(self, slots):
        dask = str(pathlib.Path(sys.executable).with_name("dask"))
        quiet = {"DASK_LOGGING__DISTRIBUTED": "error"}
        self.spawn(dask, "scheduler", "--host", "127.0.0.1", "--port", "15786", "--no-dashboard",
                   **quiet)  # fmt: skip
        threads = str(max(1, slots // 2))
        self.spawn(dask, "worker", ADDRESS, "--nworkers", "2", "--nthreads", threads,
                   "--no-dashboard", "--local-directory", str(self.directory), **quiet)  # fmt: skip
        import distributed

        self.client = distributed.Client(ADDRESS, timeout=30)
        self.client.wait_for_workers(2)

    def run(self, tasks):
        futures = []
        for argv, deps in tasks:
            futures.append(self.client.submit(call, argv, *[futures[d] for d in deps], pure=False))
        assert all(code == 0 for code, _ in self.client.gather(futures))

    def stop(self):
        self.client.close()
        super().stop()


if __name__ == "__main__":
    main(Dask)
