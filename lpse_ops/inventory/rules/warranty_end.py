"""The warranty of an SPSE server is over, or ends within 90 days.

Buying takes a budget and a tender: ninety days is short already.  An LPSE lost a week when the
power supply of a server without warranty broke.  Extend it, or plan the next server, and correct
`warranty_until`; if it is known and accepted, say so in the ignore file, with a date.
"""

from collections.abc import Iterator
from datetime import date, timedelta

from lpse_ops.inventory.fleet import judged
from lpse_ops.inventory.rules.warranty import NAME, read_date
from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "warning"
SOON = timedelta(days=90)
_HINT = "extend it or plan the next server, then correct the date"


def check(seen: Seen) -> Iterator[Fault]:
    for each in judged(seen, NAME):
        until = read_date(each.cell.value)
        problem = _problem(until, seen.today) if until else ""
        if problem:
            yield Fault(each.cell.value_at, f"{NAME}: {problem}", _HINT, each.cell.owner)


def _problem(until: date, today: date) -> str:
    if until < today:
        return f"the warranty ended on {until}"
    days = (until - today).days
    when = f"on {until}, in {days} days" if days else f"today, {until}"
    return f"the warranty ends {when}" if until - today <= SOON else ""
