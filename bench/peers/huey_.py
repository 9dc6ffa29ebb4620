"""huey on Redis (Debian's defaults: no sync per task), one process a slot. A chain is its pipeline;
a fan is made level by level from the client."""

import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[2]))
from bench.common import Peer, main

PORT = "15379"


class Huey(Peer):
    def start(self, slots):
        self.spawn(
            "redis-server", "--port", PORT, "--bind", "127.0.0.1", "--dir", str(self.directory)
        )
        import redis

        store = redis.Redis(port=int(PORT))
        while True:
            try:
                store.ping()
                break
            except redis.exceptions.RedisError:
                time.sleep(0.01)
        store.flushall()
        here = pathlib.Path(__file__).parent
        consumer = pathlib.Path(sys.executable).with_name("huey_consumer")
        self.spawn(str(consumer), "huey_tasks.huey", "-w", str(slots), "-k", "process", "-q",
                   PYTHONPATH=str(here))  # fmt: skip
        sys.path.insert(0, str(here))
        import huey_tasks

        self.module = huey_tasks

    def run(self, tasks):
        if len(tasks) > 1 and len(tasks[-1][1]) == 1:
            chain = self.module.call.s(tasks[0][0])
            for argv, _ in tasks[1:]:
                chain = chain.then(self.module.call, argv)
            self.wait(list(self.module.huey.enqueue(chain))[-1])
            return
        done, i = set(), 0
        while i < len(tasks):
            level = []
            while i < len(tasks) and done.issuperset(tasks[i][1]):
                level.append((i, self.module.call(tasks[i][0])))
                i += 1
            for task, result in level:
                self.wait(result)
                done.add(task)

    def wait(self, result):
        code, _ = result.get(blocking=True, backoff=1.0, max_delay=0.002, timeout=120)
        assert code == 0


main(Huey)
