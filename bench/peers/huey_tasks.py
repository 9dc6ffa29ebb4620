"""The task that huey's consumers import."""

import subprocess

from huey import RedisHuey

huey = RedisHuey("bench", url="redis://127.0.0.1:15379/2")


@huey.task()
def call(argv, *_previous):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout
