"""Makes *Catatan Perubahan* of a change: what the site, the ledger and the people add to it."""

import shlex
from typing import TYPE_CHECKING

from lpse_ops.cli.change_page import TITLE, change_sections
from lpse_ops.cli.log_stranger import verify_command
from lpse_ops.cli.paper_values import find_signatories, load_letterhead
from lpse_ops.cli.wiring import App
from lpse_ops.documents.record_page import LedgerLine, RecordPage
from lpse_ops.documents.values import LedgerMark, Signatory
from lpse_ops.errors import UsageError

if TYPE_CHECKING:
    from lpse_ops.spse.change import Change
    from lpse_ops.spse.sla import SlaClock


def build_page(
    app: App, change: "Change", clock: "SlaClock", by: tuple[str, ...], witnesses: tuple[str, ...]
) -> RecordPage:
    """Return the page; a checkpoint is signed over its records if none covers them."""
    settings = app.settings
    zone = settings.site.time_zone
    mark = find_mark(app, change.lines[-1].seq)
    return RecordPage(
        title=TITLE,
        number=change.id,
        site=settings.site.name,
        place=settings.papers.place,
        zone=zone,
        letterhead=load_letterhead(settings),
        moment=change.lines[-1].recorded,
        sections=change_sections(change, clock, zone),
        lines=tuple(LedgerLine(line.seq, line.sha256) for line in change.lines),
        ledger=mark,
        signatories=_signatories(app, by, witnesses),
        verify=(
            f"sed -n {change.lines[-1].seq}p {shlex.quote(app.ledger.file.path.name)} | sha256sum",
            verify_command(mark.origin, str(mark.size)),
        ),
    )


def find_mark(app: App, seq: int) -> LedgerMark:
    """Return the first checkpoint over a line of the ledger."""
    sizes = app.ledger.checkpoints.sizes()
    size = next((size for size in sizes if size >= seq), None)
    checkpoint = app.ledger.checkpoint() if size is None else app.ledger.checkpoints.load(size)
    if checkpoint is None:
        raise AssertionError("a log with a record has a checkpoint")
    return LedgerMark(app.ledger.origin, seq, checkpoint.size, checkpoint.root.hex())


def _signatories(
    app: App, by: tuple[str, ...], witnesses: tuple[str, ...]
) -> tuple[tuple[str, Signatory], ...]:
    """Nobody signs unless they are named."""
    if not by:
        if witnesses:
            raise UsageError("who carried the change out?", hint="add --by NAME")
        return ()
    doers, seers = find_signatories(app.settings.people, by, witnesses)
    return (
        *(("Petugas,", person) for person in doers),
        *(("Mengetahui,", person) for person in seers),
    )
