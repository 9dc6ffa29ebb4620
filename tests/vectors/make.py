"""Writes the test vectors as files, for programs in any language: `python tests/vectors/make.py`.

They are made in `cdktr_conform/vectors.py`. `all_vectors` is what the files must hold; a test
compares.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from cdktr_conform import vectors  # noqa: E402

frame_bytes = vectors.frame_bytes


def all_vectors() -> dict[str, str]:
    """File names and contents."""
    makers = (
        vectors.requests, vectors.replies, vectors.facts, vectors.malformed, vectors.tolerated,
        vectors.envelopes,
    )  # fmt: skip
    return {
        f"{maker.__name__}.json": json.dumps(maker(), indent=1, ensure_ascii=False) + "\n"
        for maker in makers
    }


if __name__ == "__main__":
    for name, content in all_vectors().items():
        (HERE / name).write_text(content)
