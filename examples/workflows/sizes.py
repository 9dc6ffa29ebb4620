# /// script
# requires-python = ">=3.11"
# dependencies = ["humanize"]
# ///
"""A script that says what it needs: `uv run sizes.py 3000000`, or the task `script` of uv.yaml."""

import sys

import humanize

print(humanize.naturalsize(int(sys.argv[1])))
