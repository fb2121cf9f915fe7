"""Write a change as canonical JSON, or as the page *Catatan Perubahan*."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpse_ops.cli.output import open_output
from lpse_ops.cli.parameters import FILE, common_options
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError

if TYPE_CHECKING:
    from lpse_ops.spse.change import Change
    from lpse_ops.spse.sla import SlaClock

_JSON = "json"
_FORMATS = (_JSON, "pdf", "docx", "html", "txt")


@click.command(
    epilog="Example: lpse-ops spse change export 2026-0001 --output perubahan.pdf --by Sari"
)
@click.argument("change_id", metavar="ID")
@click.option(
    "--format",
    "wanted",
    type=click.Choice(_FORMATS),
    help="How it is written; default: what the name of the file says, else json.",
)
@click.option(
    "--output",
    "-o",
    type=FILE,
    metavar="FILE.json|.pdf|.docx|.html|.txt",
    help="Write to a file, atomically.",
)
@click.option(
    "--by",
    multiple=True,
    metavar="NAME",
    help="Who signs as having done it, one of people in the settings; may be repeated.",
)
@click.option(
    "--witness", multiple=True, metavar="NAME", help="Who signs as having seen it; of people, too."
)
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    change_id: str,
    wanted: str | None,
    output: Path | None,
    by: tuple[str, ...],
    witness: tuple[str, ...],
) -> None:
    """Write all that is on record of a change, for other registers and for signatures.

    JSON is canonical (RFC 8785).  The page is in Indonesian and names the lines of the ledger
    that it is made of, so that anybody can compare them.  The same records give the same bytes.
    """
    from lpse_ops.cli.change_register import find_change, load_calendar
    from lpse_ops.spse.sla import read_clock

    chosen = wanted or choose_format(output)
    change = find_change(app, change_id)
    clock = read_clock(change, load_calendar(app, [change]), app.clock.now())
    content = _render(app, change, clock, chosen, by, witness)
    with open_output(output) as stream:
        stream.write(content)
    if output is not None:
        app.console.print(f"wrote {output}")


def choose_format(output: Path | None) -> str:
    """Return the format that the name of the file says."""
    if output is None:
        return _JSON
    name = output.suffix.lower().removeprefix(".")
    if name not in _FORMATS:
        raise UsageError(
            f"{output} does not say in which format",
            hint="let the name end with .json, .pdf, .docx, .html or .txt, or add --format",
        )
    return name


def _render(
    app: App,
    change: "Change",
    clock: "SlaClock",
    chosen: str,
    by: tuple[str, ...],
    witness: tuple[str, ...],
) -> bytes:
    if chosen == _JSON:
        from lpse_ops.canonicaljson import encode_canonical
        from lpse_ops.cli.change_json import whole

        site = app.settings.site
        data = whole(change, clock, site=site.name, origin=app.ledger.origin, zone=site.time_zone)
        return encode_canonical(data) + b"\n"
    from lpse_ops.cli.change_paper import build_page
    from lpse_ops.documents.record_page_files import render_record_page

    page = build_page(app, change, clock, by, witness)
    return render_record_page(page, chosen)  # type: ignore[arg-type] # one of the choices
