"""HyperQueue (PyPI): server and worker in one daemon process, the client in this one, the output of
each task in files as `hq submit` does. Its own wait polls each second, so the end is seen by a last
task that writes a file, which flatters it."""

import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))
from bench.common import Peer, main


class HyperQueue(Peer):
    @staticmethod
    def serve(slots, directory):
        import hyperqueue.cluster as cluster

        local = cluster.LocalCluster(directory, cluster.WorkerConfig(cores=int(slots)))
        pathlib.Path(directory, "ready").write_text(local.cluster.server_dir)
        signal.pause()

    def start(self, slots):
        state = self.directory / "hq"
        state.mkdir()
        self.spawn(sys.executable, __file__, "serve", str(slots), str(state), RUST_LOG="error")
        self.await_bytes(state / "ready", 1)
        import hyperqueue
        import hyperqueue.client

        hyperqueue.client.create_progress_callback = lambda: lambda jobs: None
        self.hq = hyperqueue
        self.client = hyperqueue.Client(str(state))
        os.chdir(self.directory)

    def run(self, tasks):
        end = self.directory / f"end.{time.time_ns()}"
        job = self.hq.Job(max_fails=None)
        made, waited_for = [], set()
        for argv, deps in tasks:
            made.append(job.program(argv, deps=[made[d] for d in deps]))
            waited_for.update(deps)
        leaves = [task for i, task in enumerate(made) if i not in waited_for]
        job.program(["/bin/echo", "done"], stdout=str(end), stderr=None, deps=leaves)
        self.client.submit(job)
        self.await_bytes(end, 5)

    def await_bytes(self, path, size):
        while not (path.exists() and path.stat().st_size >= size):
            time.sleep(0.0003)


main(HyperQueue)
