"""What `cdktr-cron diff` reads out of a file, or refuses with a sentence."""

from __future__ import annotations

import msgspec
import pytest

from cdktr_common.calendar.schedule import Invalid
from cdktr_common.catalogue.plan import Schedule
from cdktr_cron.commands.diff import documents

SPEC = Schedule(cron="0 3 * * *")
OTHER = Schedule(every_s=90.0)


@pytest.mark.parametrize(
    "text",
    [
        '{"workflow":"a","schedules":[{"cron":"0 3 * * *"},{"every_s":90}]}',
        '{"workflows":[{"workflow":"a","schedules":[{"cron":"0 3 * * *"},{"every_s":90}]}]}',
        '[{"workflow":"a","spec":{"cron":"0 3 * * *"}},{"workflow":"a","spec":{"every_s":90}}]',
        '{"workflow":"a","spec":{"cron":"0 3 * * *"},"until":null}\n\n'
        '{"workflow":"a","spec":{"cron":"0 4 * * *"},"until":"2026-01-01T00:00:00Z"}\n'
        '{"workflow":"a","spec":{"every_s":90},"new_key":1}\n',
    ],
)
def test_every_way_to_say_it(text: str) -> None:
    found = list(documents(text.encode()))
    assert {name for name, _ in found} == {"a"}
    assert [spec for _, listed in found for spec in listed] == [SPEC, OTHER]


@pytest.mark.parametrize(
    "text", [b"[1]", b"{}", b'{"workflows":5}', b"null", b"nonsense", b'"\xff"', b"[" * 5000,
             b'[{"spec":{"cron":5}}]', b'{"schedules":{}}'],
)  # fmt: skip
def test_anything_else_is_refused(text: bytes) -> None:
    with pytest.raises((Invalid, msgspec.DecodeError, UnicodeDecodeError, RecursionError)):
        list(documents(text))
