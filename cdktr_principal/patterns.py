"""Regular expressions that params have to match: bounded in length, matched whole.

Pure.
"""

from __future__ import annotations

import re
from typing import Final

MAX_PATTERN: Final = 200
MAX_TEXT: Final = 4096
"""Characters of a text that a pattern is tried on; longer ones match none."""


def problem(pattern: str) -> str | None:
    """Why this is none; None when all is well."""
    if len(pattern) > MAX_PATTERN:
        return f"it has {len(pattern)} characters, at most {MAX_PATTERN} are allowed"
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as fault:
        return str(fault)
    return None


def matches(pattern: str, text: str) -> bool:
    """Does the whole text match?"""
    return len(text) <= MAX_TEXT and re.fullmatch(pattern, text) is not None
