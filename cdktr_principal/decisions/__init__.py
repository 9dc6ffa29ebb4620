"""The pure core: a request and a moment in, facts and answers out.

Every change is a fact, given to the state by `core.Core.emit`. No clock, socket or disk is known
here.
"""
