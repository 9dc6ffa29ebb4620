"""The folded state: what it is made of, and what facts do to it.

Only `state.State.apply` and what it calls change it; everybody else reads.
"""
