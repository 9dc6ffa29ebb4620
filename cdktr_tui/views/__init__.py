"""One file a view: what it asks for, what it follows, what it shows, what is selected in it."""
