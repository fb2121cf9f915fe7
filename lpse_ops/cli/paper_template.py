"""Write a Word template to put the letterhead of the LPSE into."""

from pathlib import Path

import click

from lpse_ops.cli.output import open_output
from lpse_ops.cli.parameters import FILE, common_options
from lpse_ops.cli.wiring import App


@click.command(epilog="Example: lpse-ops paper template --output kop-lpse.docx")
@click.option("--output", "-o", type=FILE, metavar="FILE.docx", required=True, help="The file.")
@common_options
@click.pass_obj
def command(app: App, /, output: Path) -> None:
    """Write the template of the Berita Acara Uji Restore as a Word file.

    Change what stands around the fields in double braces, and give it back with --paper-template.
    """
    from lpse_ops.documents.word_template import restore_minutes_template

    with open_output(output) as stream:
        stream.write(restore_minutes_template())
    app.console.print(f"wrote {output}")
