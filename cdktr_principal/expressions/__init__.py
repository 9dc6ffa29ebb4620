"""Expressions and texts with expressions in them: read, checked, evaluated.

`programs` is the way in for single expressions, `templates` for texts. Nothing here knows a run:
values come from a scope.
"""
