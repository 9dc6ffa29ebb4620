"""A principal that is as unkind as the page allows, and what a listener makes of it.

`world.py` is what it knows, `scenes.py` what it does to whom, `watch.py` what the listener did,
`judge.py` what that means; `stage.py` is the sockets around them.
"""
