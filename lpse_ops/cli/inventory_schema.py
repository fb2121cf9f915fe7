"""Show the JSON Schemas of an inventory, by which editors complete and check it."""

from pathlib import Path

import click

from lpse_ops.cli.output import encode_text, open_output
from lpse_ops.cli.parameters import common_options, output_option
from lpse_ops.cli.wiring import App
from lpse_ops.inventory.schemas import SCHEMAS, render_schema


@click.command(epilog="Example: lpse-ops inventory schema spse --output schemas/spse.schema.json")
@click.argument("name", type=click.Choice(tuple(SCHEMAS)), default="inventory")
@output_option
@common_options
@click.pass_obj
def command(_app: App, /, name: str, output: Path | None) -> None:
    """Show the JSON Schema of hosts.yml, or with `spse` that of group_vars/spse.yml.

    An editor finds it by a first line such as
    `# yaml-language-server: $schema=../schemas/inventory.schema.json`.
    """
    with open_output(output) as stream:
        stream.write(encode_text(render_schema(name)))
