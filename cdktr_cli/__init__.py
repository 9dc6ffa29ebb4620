"""The short-lived commands, one file each, and the front door `cdktr`.

They know the catalogue and nothing of the daemons' insides: whatever they do, anyone can do with a
plain REQ socket. What a command does not need, it does not import: they are run in loops and pipes.
"""
