"""Checks of a running daemon: a file of them for each chapter of the page, `bench.py` to ask with,
`run.py` to run them all."""
