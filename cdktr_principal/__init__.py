"""The principal: workflow definitions, the queue of runs, the DAG of every run, leases.

It is the one place where decisions are made. `cdktr-check`, its second program, is its loader
run alone.
"""
