"""cdktr-check: the principal's own loader, run alone."""
