"""The domain of an SPSE server is not one of an Indonesian government.

Bidders are told to trust names under `.go.id` (`.mil.id` and `.ac.id` for those who have them) and
LKPP's central domain `spse.inaproc.id`.  Another ending is a typing mistake, or worth a question.
"""

from collections.abc import Iterator

from lpse_ops.inventory.fleet import judged, shown
from lpse_ops.inventory.rules.spse_domain import NAME, why_no_domain
from lpse_ops.inventory.seen import Fault, Seen

SEVERITY = "warning"
_ENDINGS = (".go.id", ".mil.id", ".ac.id", ".inaproc.id")


def check(seen: Seen) -> Iterator[Fault]:
    for each in judged(seen, NAME):
        value = each.cell.value
        if not why_no_domain(value) and not _domain_of(value).endswith(_ENDINGS):
            message = f"{NAME}: {shown(value, each.cell)} is not under .go.id"
            hint = "correct the name, or say in the ignore file why it is right"
            yield Fault(each.cell.value_at, message, hint, each.cell.owner)


def _domain_of(value: str) -> str:
    return value.partition("/")[0].removesuffix(".").lower()
