"""Independent libraries: what they say of the same lines, and where they are wrong and by which
rule. Changes of the clock are compared by `compare`, whose page has to say what is so."""

from __future__ import annotations

import itertools
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from croniter import CroniterBadDateError, croniter
from cronsim import CronSim

from cdktr_common.calendar.schedule import Invalid, calendar
from cdktr_common.catalogue.plan import Schedule
from tests.unit.cron.compare import LINES, PAGE, differences, page, row
from tests.unit.cron.zones import all_moved

START = datetime(2024, 1, 1, tzinfo=UTC)

DAYS = (
    "0 3 * * *", "0 0 1 * *", "0 0 31 * *", "0 0 30,31 * *", "0 0 29 2 *", "0 0 L * *",
    "0 0 15,L * *", "0 0 L 2 *", "0 0 * * 0", "0 0 * * 7", "0 0 * * mon-fri", "0 0 * * fri-sun",
    "0 0 * * 1#1", "0 0 * * mon#5", "0 0 * * 1#1,3#3", "0 0 * * 5L", "0 0 * 2 5L",
    "0 0 1 * 1", "0 0 13 * fri", "0 0 L * 1", "0 0 31 2 mon", "0 0 1 * 1#1", "0 0 15 * 5L",
    "0 0 */2 * 1", "0 0 1 * */2", "0 0 */10 * */3", "0 0 * jan,jul *", "0 0 1 1-12/5 *",
    "0 0 28-31 2 *", "*/17 */5 1-7 * 3", "3-59/11 1,22 * * *", "0 5-5 * * *", "59/15 * * * *",
    "0 0 29 2 mon#5", "0 0 ? * 2",
)  # fmt: skip


def ours(line: str, number: int) -> list[datetime]:
    """The first instants of a line since some day, in UTC."""
    found: list[datetime] = []
    ts, spec = START.timestamp(), calendar(Schedule(cron=line))
    while len(found) < number:
        one = spec.after(ts)
        assert one is not None
        found.append(one.wall)
        ts = one.ts
    return found


@pytest.mark.parametrize("line", [x for x in DAYS if "?" not in x and "fri-sun" not in x])
def test_days_are_those_of_cronsim(line: str) -> None:
    assert ours(line, 120) == list(itertools.islice(CronSim(line, START), 120))


@pytest.mark.parametrize("line", DAYS)
def test_back_to_where_it_began(line: str) -> None:
    spec, told = calendar(Schedule(cron=line)), ours(line, 60)
    for earlier, later in pairwise(told):
        one = spec.before(later.timestamp())
        assert one is not None and one.wall == earlier


@pytest.mark.parametrize("line", LINES)
def test_without_changes_of_the_clock_both_agree(line: str) -> None:
    found = croniter(line, START, second_at_beginning=True)
    assert ours(line, 200) == [found.get_next(datetime) for _ in range(200)]
    assert ours(line, 200) == list(itertools.islice(CronSim(line, START), 200))


WRONG = {
    "0 5-5 * * *": "crontab(5): ranges are inclusive; from 5 to 5 is 5, not every hour",
    "0 0 */2 * 1": "crontab(5): either day counts only if neither field begins with a star",
    "0 0 1 * */2": "crontab(5): either day counts only if neither field begins with a star",
    "0 0 */10 * */3": "crontab(5): either day counts only if neither field begins with a star",
    "0 0 1 * 1#1": "crontab(5): with both days restricted either one counts, also with #",
    "0 0 29 2 mon#5": "crontab(5): with both days restricted either one counts, also with #",
    "0 0 15 * 5L": "crontab(5): with both days restricted either one counts; it finds none at all",
}
"""What croniter 7 gets wrong when no clock is moved, and the rule."""


@pytest.mark.parametrize("line", DAYS)
def test_days_are_those_of_croniter_but_where_it_is_wrong(line: str) -> None:
    found = croniter(line.replace("5L", "L5"), START)  # its way to write it
    theirs = []
    with suppress(CroniterBadDateError):
        theirs = [found.get_next(datetime) for _ in range(30)]
    assert (ours(line, 30) == theirs) == (line not in WRONG), WRONG.get(line)


def test_what_croniter_says_of_a_step_over_the_end_of_a_field() -> None:
    # From 22 in steps of three over midnight come 1 and 4. Here such a range is refused.
    assert croniter("0 22-6/3 * * *").expanded[1] == [2, 5, 22]
    with pytest.raises(Invalid, match="write two ranges"):
        calendar(Schedule(cron="0 22-6/3 * * *"))


def test_what_croniter_says_of_a_doubled_night() -> None:
    # cron(8): a job at a particular time is not run again when the clock shows it again.
    spec = Schedule(cron="30 2 * * *", timezone="Europe/Berlin")
    found = calendar(spec)
    begin = found.zone.at(datetime(2026, 10, 25, tzinfo=UTC).timestamp() - 7200)
    theirs = croniter("30 2 * * *", begin)
    first, second = theirs.get_next(datetime), theirs.get_next(datetime)
    assert (second - first, first.timestamp() + 3600) == (timedelta(0), second.timestamp())
    one = found.after(begin.timestamp())
    assert one is not None and one.ts == first.timestamp()
    following = found.after(one.ts)
    assert following is not None and following.ts == one.ts + 25 * 3600


def test_disagreements_are_those_of_the_page() -> None:
    said = PAGE.read_text().splitlines()
    for one, days in differences(all_moved()[::17]).items():
        beginning = row(one, []).rpartition(" |")[0].rstrip()
        (line,) = [line for line in said if line.startswith(beginning)]
        assert set(days) <= set(line.split())


@pytest.mark.long
def test_the_page_is_what_is_so() -> None:
    changes = all_moved()
    assert PAGE.read_text() == page(differences(changes), len(changes))
