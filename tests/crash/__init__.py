"""Crash points: the real code over real files, killed before and in the middle of every effect."""
