"""cdktr-watch: an event for every file that comes, changes, moves or goes. A listener of the public
protocol like any other; what it told last is all that it owns.
"""
