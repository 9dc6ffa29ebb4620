"""A script that leaves it to its workflow (uv.yaml) which packages there are."""

import humanize

print("humanize is here:", humanize.naturalsize(0))
