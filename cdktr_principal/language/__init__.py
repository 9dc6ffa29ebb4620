"""The workflow language: the text of a file to a plan, or to all that is wrong with it.

    text -> source (YAML) -> nodes -> a dialect's loader -> Plan (`cdktr_common.catalogue.plan`)

The plan knows no dialect. Nothing in here opens a file, knows a run or a clock.
"""
