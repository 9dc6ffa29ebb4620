"""`python -m tests.chaos.inside ARGUMENTS`: pytest as the first process of its own namespaces."""

from __future__ import annotations

import sys

import pytest

from tests.chaos.ground import as_init

if __name__ == "__main__":
    sys.exit(as_init(lambda: int(pytest.main(sys.argv[1:]))))
