"""Writes *Berita Acara Uji Restore* over a drill that is on record.

The number is taken from the ledger and put into it, with the SHA-256 of the paper: the same
report gives the same number and the same bytes, however often it is written.
"""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from lpse_ops.cli.output import open_output
from lpse_ops.cli.paper_options import PaperRequest
from lpse_ops.cli.wiring import App
from lpse_ops.errors import PaperError, UsageError

if TYPE_CHECKING:
    from lpse_ops.cli.paper_register import Issued
    from lpse_ops.documents.restore_minutes import PaperFormat
    from lpse_ops.documents.values import LedgerMark, RestoreMinutes

PAPER = "restore-minutes"
_LARGEST_TEMPLATE = 8 << 20


def check_request(app: App, request: PaperRequest | None) -> None:
    """Raise now what would keep the paper from being written later; None asks for no paper."""
    if request is None:
        return
    from lpse_ops.cli.paper_register import require_number
    from lpse_ops.cli.paper_values import find_signatories, load_letterhead

    settings = app.settings
    paper_format = format_of(request.output)
    _require_library(paper_format)
    require_number(request.number, settings.papers.number_pattern)
    find_signatories(settings.people, request.carried_out_by, request.witnesses)
    load_letterhead(settings)
    _load_template(request, paper_format)
    if not request.output.absolute().parent.is_dir():
        raise UsageError(
            f"there is no folder {request.output.parent}", hint="make it, or name another file"
        )


def write_restore_minutes(app: App, report_file: Path, request: PaperRequest) -> str:
    """Write the paper over a report that the ledger has; return its number."""
    from lpse_ops.cli.paper_register import KIND, Issued, read_issued, register_lock
    from lpse_ops.cli.records import sign
    from lpse_ops.documents.restore_minutes import render_restore_minutes

    check_request(app, request)
    paper_format = format_of(request.output)
    template = _load_template(request, paper_format)
    with register_lock(app.state_folder):
        issued = read_issued(record.facts for record in app.ledger.records(KIND))
        values, sequence = _gather(app, report_file, request, issued)
        content = render_restore_minutes(values, paper_format, template=template)
        paper = Issued(
            PAPER,
            values.number,
            sequence,
            values.finished.astimezone(values.zone).year,
            values.report_sha256,
            paper_format,
            hashlib.sha256(content).hexdigest(),
        )
        if paper not in issued:
            app.ledger.append(KIND, paper.facts())
            sign(app)
    with open_output(request.output) as stream:
        stream.write(content)
    return values.number


def format_of(output: Path) -> "PaperFormat":
    from lpse_ops.documents.restore_minutes import FORMATS

    for known in FORMATS:
        if output.suffix.lower() == f".{known}":
            return known
    raise UsageError(
        f"{output} does not say in which format",
        hint="let the name end with .pdf, .docx or .html",
    )


def _gather(
    app: App, report_file: Path, request: PaperRequest, issued: "list[Issued]"
) -> "tuple[RestoreMinutes, int | None]":
    from lpse_ops.cli.log_stranger import verify_command
    from lpse_ops.cli.paper_register import choose_number
    from lpse_ops.cli.paper_report import parse_report
    from lpse_ops.cli.paper_values import choose_basis, find_signatories, load_letterhead
    from lpse_ops.documents.values import RestoreMinutes

    settings = app.settings
    content = _read_report(report_file)
    report = parse_report(content, str(report_file))
    digest = hashlib.sha256(content).hexdigest()
    if report.finished > app.clock.now():
        raise PaperError(
            f"the drill of {report_file} ends in the future, at {report.finished.isoformat()}",
            hint="set the clock right (timedatectl) and drill again: lpse-ops backup drill",
        )
    day = report.finished.astimezone(settings.site.time_zone).date()
    sequence, number = choose_number(
        request.number, settings.papers.number_pattern, day, digest, issued
    )
    doers, seers = find_signatories(settings.people, request.carried_out_by, request.witnesses)
    mark = _find_mark(app, digest, report_file)
    values = RestoreMinutes(
        **vars(report),
        number=number,
        site=settings.site.name,
        place=settings.papers.place,
        zone=settings.site.time_zone,
        letterhead=load_letterhead(settings),
        carried_out_by=doers,
        witnessed_by=seers,
        report_sha256=digest,
        ledger=mark,
        legal_basis=choose_basis(settings.papers, day),
        verify=(f"sha256sum {report_file.name}", verify_command(mark.origin, str(mark.size))),
    )
    return values, sequence


def _find_mark(app: App, digest: str, report_file: Path) -> "LedgerMark":
    """Return the record of the report and the first checkpoint over it; one is made if needed."""
    from lpse_ops.documents.values import LedgerMark

    found = (
        each for each in app.ledger.records("drill") if each.facts.get("report_sha256") == digest
    )
    record = next(found, None)
    if record is None:
        raise PaperError(
            f"the ledger does not know the report {report_file}: it was changed, or is of "
            "another machine",
            hint="see `lpse-ops log show --kind drill`, or drill again: lpse-ops backup drill",
        )
    size = next((size for size in app.ledger.checkpoints.sizes() if size >= record.seq), None)
    checkpoint = app.ledger.checkpoint() if size is None else app.ledger.checkpoints.load(size)
    if checkpoint is None:
        raise AssertionError("a log with a record has a checkpoint")
    return LedgerMark(app.ledger.origin, record.seq, checkpoint.size, checkpoint.root.hex())


def _read_report(path: Path) -> bytes:
    from lpse_ops.cli.paper_report import MAX_BYTES

    return _read(path, MAX_BYTES, "the report")


def _load_template(request: PaperRequest, paper_format: "PaperFormat") -> bytes | None:
    from lpse_ops.documents.word_package import check_parts, read_parts

    if request.template is None:
        return None
    if paper_format != "docx":
        raise UsageError(
            f"a Word template cannot make {request.output}",
            hint="let the name end with .docx, or leave --paper-template out",
        )
    content = _read(request.template, _LARGEST_TEMPLATE, "the template")
    check_parts(read_parts(content, str(request.template)), str(request.template))
    return content


def _read(path: Path, limit: int, what: str) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(limit + 1)
    except OSError as error:
        raise PaperError(
            f"cannot read {what} {path}: {error.strerror}", hint="check its name and permissions"
        ) from error
    if len(content) > limit:
        raise PaperError(f"{path} is larger than {limit >> 20} MiB", hint="name another file")
    return content


def _require_library(paper_format: "PaperFormat") -> None:
    if paper_format == "pdf":
        from lpse_ops.documents.pdf import import_typst

        import_typst()
    if paper_format == "docx":
        from lpse_ops.documents.word import import_docxtpl

        import_docxtpl()
