"""Show hosts, groups and variables as an inventory script would."""

from pathlib import Path

import click

from lpse_ops.cli.inventory_options import InventoryOptions, inventory_options, open_inventory
from lpse_ops.cli.output import encode_text, open_output
from lpse_ops.cli.parameters import common_options, output_option
from lpse_ops.cli.wiring import App
from lpse_ops.inventory.document import to_json, to_yaml
from lpse_ops.inventory.listing import list_inventory, nest_inventory


@click.command(epilog="Example: lpse-ops inventory list -i inventory/ --yaml")
@click.option("--list", "as_list", is_flag=True, hidden=True, help="As ansible-inventory --list.")
@click.option("-y", "--yaml", "as_yaml", is_flag=True, help="As an inventory in YAML.")
@click.option("--export", is_flag=True, help="Keep variables with the groups that set them.")
@click.option("-l", "--limit", metavar="PATTERN", help="Only hosts of this pattern.")
@inventory_options
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    as_list: bool,  # noqa: ARG001 - the default, accepted so that scripts may say it
    as_yaml: bool,
    export: bool,
    limit: str | None,
    asked: InventoryOptions,
    output: Path | None,
) -> None:
    """Show the whole inventory as `ansible-inventory --list` does: JSON, or YAML with --yaml.

    Templates are shown as they are written, vault-encrypted values as ciphertext.
    """
    opened = open_inventory(app, asked)
    hosts = opened.inventory.match("all", limit)
    view = opened.view(export=export)
    text = (
        to_yaml(nest_inventory(view, hosts))
        if as_yaml
        else to_json(list_inventory(view, hosts), mark_unsafe=True) + "\n"
    )
    with open_output(output) as stream:
        stream.write(encode_text(text))
