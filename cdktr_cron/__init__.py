"""cdktr-cron: the time event source. It knows calendars and owns nothing: what an instant came to
is the principal's word, so it may be stopped, doubled or replaced."""
