"""Where the settings file is. Apart from the settings, because a command that finds none needs
nothing else of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

FILES: Final = ("cdktr.config.yaml", "conducktor.config.yaml")


def find(environ: Mapping[str, str], directory: str = ".") -> str | None:
    """The file in force: in the current directory, else in CDKTR_HOME."""
    home = os.path.expanduser(environ.get("CDKTR_HOME") or "~/.cdktr")
    for candidate in (
        *(os.path.join(directory, name) for name in FILES),
        os.path.join(home, "config.yaml"),
    ):
        if os.path.isfile(candidate):
            return os.path.abspath(candidate)
    return None


def says_nothing(text: str) -> bool:
    """Is everything commented out, as `cdktr init` writes it? Then no YAML has to be read."""
    return all(not line.strip() or line.lstrip().startswith("#") for line in text.split("\n"))
