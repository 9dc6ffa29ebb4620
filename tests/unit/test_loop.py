"""What runs beside the loop of a daemon."""

import subprocess
import sys


def test_a_bug_in_a_thread_ends_the_program() -> None:
    program = (
        "from cdktr_common.loop import Loop, worker\n"
        "worker(lambda: {}['no such key'], 'query').start()\n"
        "Loop().run()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=30)
    assert done.returncode == 1
    assert b"KeyError: 'no such key'" in done.stderr
