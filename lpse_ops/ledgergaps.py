"""What is missing in a log although every line of it is genuine: silence is not evidence."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from lpse_ops.ledger import Record

BACKUP = "backup"
BEGIN = "begin"
# Clocks are corrected by small steps; processes that append at once hardly differ.
_TOLERATED = timedelta(seconds=2)
_AHEAD = timedelta(minutes=5)
# A run that began so recently may still go on.
_LONGEST_RUN = timedelta(days=1)
_DAY = timedelta(days=1)
_MAX_RUNS = 1000


class GapFinder:
    """Takes the records in their order, then says what is missing; bounded memory.

    What is missing before ``since`` is not told: somebody has explained it already.
    """

    def __init__(self, now: datetime, since: datetime | None = None) -> None:
        self._now = now
        self._since = since
        self._last: Record | None = None
        self._backup_day: date | None = None
        self._begun: dict[tuple[str, str], Record] = {}

    def add(self, record: Record) -> Iterator[str]:
        """Yield what this record shows to be missing before it."""
        if self._since is not None and record.time < self._since:
            if record.kind == BACKUP:
                zone = record.time.tzinfo
                self._backup_day = self._since.astimezone(zone).date() - timedelta(days=1)
            return
        if self._last is not None and record.time < self._last.time - _TOLERATED:
            yield (
                f"line {record.seq}: the clock went back, from {self._last.time.isoformat()} to "
                f"{record.time.isoformat()}"
            )
            # Of days that a clock ran ahead nothing is known: count from the right time on.
            if self._backup_day is not None and self._last.time - record.time > _DAY:
                self._backup_day = min(self._backup_day, record.time.date())
        self._last = record
        if record.kind == BACKUP:
            day = record.time.date()
            yield from self._missing_days(day)
            self._backup_day = max(day, self._backup_day or day)
        self._pair(record)

    def end(self) -> Iterator[str]:
        """Yield what is missing after the last record; today is not over."""
        zone = self._last.time.tzinfo if self._last else self._now.tzinfo
        today = self._now.astimezone(zone).date()
        yield from self._missing_days(today)
        for record in self._begun.values():
            if self._now - record.time > _LONGEST_RUN:
                yield _unfinished(record)
        if self._last is not None and self._last.time > self._now + _AHEAD:
            yield f"line {self._last.seq} is of {self._last.time.isoformat()}, which is to come"

    def _missing_days(self, until: date) -> Iterator[str]:
        if self._backup_day is None or (until - self._backup_day).days < 2:
            return
        first, last = self._backup_day + timedelta(days=1), until - timedelta(days=1)
        if first == last:
            yield f"{first}: a day without a backup record"
        else:
            yield f"{first} to {last}: {(last - first).days + 1} days without a backup record"

    def _pair(self, record: Record) -> None:
        """A run ends with a record of its kind, and of the time that it was ``started``.

        Where it was killed, somebody else may have recorded that it failed.
        """
        started = str(record.facts.get("started"))
        if record.kind != BEGIN:
            self._begun.pop((record.kind, started), None)
            if record.facts.get("status") == "failed":
                self._begun = {
                    key: begun
                    for key, begun in self._begun.items()
                    if key[0] != record.kind or not _is_within(begun, started)
                }
        elif len(self._begun) < _MAX_RUNS:
            self._begun[str(record.facts.get("run")), started] = record


def _is_within(begun: Record, started: str) -> bool:
    """Whether a run began no earlier than the job that it may be a part of."""
    try:
        return begun.time >= datetime.fromisoformat(started)
    except (ValueError, TypeError):
        return False


def _unfinished(record: Record) -> str:
    return f"line {record.seq}: a {record.facts.get('run')} began and its end was never recorded"
