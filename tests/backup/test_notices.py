"""Each trouble is told once, then once a day, and once when it is over."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.notices import (
    REMIND_AFTER,
    Notices,
    Told,
    notice_facts,
    plan_notices,
    read_told,
    topic_of,
)
from lpse_ops.backup.statusverdict import Kind, Severity, Trouble
from tests.backup.statuscases import NOW, LedgerLine

FAILED = Trouble(Kind.FAILED, Severity.CRITICAL, since=NOW, detail="disk full")
PARTIAL = Trouble(Kind.PARTIAL, Severity.WARNING, since=NOW)
STALE = Trouble(Kind.STALE, Severity.WARNING, "offsite", NOW)


class Log:
    """The ledger and a telling that works or not."""

    def __init__(self):
        self.lines = []

    def tell(self, troubles, now, *, is_sent=True) -> Notices:
        told = read_told(self.lines)
        notices = plan_notices(troubles, told, now)
        if notices:
            facts = notice_facts(troubles, told, notices, now, is_sent=is_sent)
            self.lines.append(LedgerLine("notice", now, facts))
        return notices


def test_a_trouble_is_told_once_then_daily_then_that_it_is_over():
    log = Log()
    assert log.tell([FAILED], NOW) == Notices(new=(FAILED,))
    assert not log.tell([FAILED], NOW + timedelta(hours=6))
    assert log.tell([FAILED], NOW + timedelta(hours=24)) == Notices(reminders=(FAILED,))
    assert not log.tell([FAILED], NOW + timedelta(hours=30))
    assert log.tell([], NOW + timedelta(hours=31)) == Notices(recovered=("run:",))
    assert not log.tell([], NOW + timedelta(hours=60))
    assert log.tell([FAILED], NOW + timedelta(hours=70)) == Notices(new=(FAILED,))


def test_what_could_not_be_sent_is_told_again_at_once():
    log = Log()
    log.tell([FAILED], NOW, is_sent=False)
    assert log.tell([FAILED], NOW + timedelta(minutes=1)) == Notices(new=(FAILED,))


def test_a_recovery_that_could_not_be_sent_is_told_again():
    log = Log()
    log.tell([FAILED], NOW)
    log.tell([], NOW + timedelta(hours=1), is_sent=False)
    assert log.tell([], NOW + timedelta(hours=2)).recovered == ("run:",)


def test_a_trouble_that_gets_worse_is_new_and_one_that_gets_better_is_not():
    log = Log()
    log.tell([PARTIAL], NOW)
    assert log.tell([FAILED], NOW + timedelta(hours=1)) == Notices(new=(FAILED,))
    assert not log.tell([PARTIAL], NOW + timedelta(hours=2))


def test_troubles_of_two_destinations_are_two():
    log = Log()
    other = Trouble(Kind.STALE, Severity.WARNING, "disk-b", NOW)
    log.tell([STALE], NOW)
    notices = log.tell([other, STALE], NOW + timedelta(hours=1))
    assert notices == Notices(new=(other,))
    assert log.tell([other], NOW + timedelta(hours=2)).recovered == ("age:offsite",)


def test_a_clock_that_went_back_does_not_silence_anybody():
    log = Log()
    log.tell([FAILED], NOW + timedelta(days=4000))
    assert log.tell([FAILED], NOW).reminders == (FAILED,)


def test_a_notice_of_another_shape_is_told_again():
    lines = [
        LedgerLine("notice", NOW, {"status": "ok", "open": {"run:": {"told": "x"}, "a": None}})
    ]
    assert read_told(lines) == {}
    assert read_told([LedgerLine("notice", NOW, {"status": "ok", "open": 5})]) == {}


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 30)), max_size=40))
def test_nobody_is_told_twice_within_the_time_and_none_waits_longer(steps):
    log, now, last = Log(), NOW, None
    for failed, stale, hours in steps:
        now += timedelta(hours=hours)
        troubles = [FAILED] * failed + [STALE] * stale
        notices = log.tell(troubles, now)
        is_told = FAILED in (*notices.new, *notices.reminders)
        if not failed:
            last = None
        elif last is None or now - last >= REMIND_AFTER:
            assert is_told
            last = now
        else:
            assert not is_told


def test_every_kind_has_its_topic():
    topics = {topic_of(Trouble(kind, Severity.WARNING, "x")) for kind in Kind}
    assert len(topics) == len(Kind) - 6
    assert Told(NOW, 1).severity == Severity.WARNING
