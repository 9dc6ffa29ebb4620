"""The CDKTR protocol library: what every program shares, and all that they share.

It knows messages, framing, settings and the habits of a command; it knows nothing of workflows
being run, of processes or of databases. A program in another language needs only PROTOCOL.md.
"""

__version__ = "0.5.0"

PROTOCOL = 1
"""Version of the wire protocol; peers that differ in it refuse each other in `hello`."""
