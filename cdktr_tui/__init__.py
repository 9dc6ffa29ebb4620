"""cdktr-tui: the live view of any number of principals, and the control of them.

What arrives comes through `feed`, is folded by `model` (pure), and is drawn by widgets that repaint
only what changed. It owns nothing: whatever it shows can be asked for by anybody.
"""
