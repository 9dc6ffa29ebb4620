"""cdktr-conform: does a server, or a listener, keep what PROTOCOL.md says?

`server/` asks a running daemon, clause by clause; `listener/` plays a principal that is as unkind
as the page allows and watches what the listener makes of it. Both speak with plain ZeroMQ and JSON,
as a stranger would; the catalogue only judges whether a message is one.
"""
