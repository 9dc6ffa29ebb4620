"""Whether a row fits the words that somebody typed. Pure."""

from __future__ import annotations


def fits(typed: str, *shown: str) -> bool:
    """Does every word stand in what is shown, and none of those with `!` before it?"""
    said = "\n".join(shown).lower()
    return all(
        (word[1:] not in said) if word.startswith("!") and len(word) > 1 else word in said
        for word in typed.lower().split()
    )
