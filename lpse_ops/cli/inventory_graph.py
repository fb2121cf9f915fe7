"""Draw which groups and hosts belong to what."""

from pathlib import Path

import click

from lpse_ops.cli.inventory_options import InventoryOptions, inventory_options, open_inventory
from lpse_ops.cli.output import encode_text, open_output, printable
from lpse_ops.cli.parameters import common_options, output_option
from lpse_ops.cli.wiring import App
from lpse_ops.inventory.document import to_line
from lpse_ops.inventory.listing import graph

NOTHING_MATCHED = 5


@click.command(epilog="Example: lpse-ops inventory graph -i inventory/ --vars")
@click.argument("group", default="all")
@click.option("--vars", "with_variables", is_flag=True, help="Show the variables as well.")
@inventory_options
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    group: str,
    with_variables: bool,
    asked: InventoryOptions,
    output: Path | None,
) -> int:
    """Draw GROUP (all of them unless one is named) as `ansible-inventory --graph` does."""
    opened = open_inventory(app, asked)
    top = opened.inventory.groups.get(group)
    if top is None:
        app.console.warn(f"there is no group {group!r}; lpse-ops inventory graph shows all groups")
        return NOTHING_MATCHED
    lines = graph(opened.view(), top, render=to_line if with_variables else None)
    with open_output(output) as stream:
        stream.write(encode_text("".join(f"{printable(line)}\n" for line in lines)))
    return 0
