"""From schedules to instants: what every program that tells of coming times computes alike.

Not part of the protocol: the catalogue says what a schedule is, and who only starts or watches runs
needs none of this. Pure.
"""
