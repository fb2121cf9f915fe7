"""Show the variables of one host, and which file and line set each of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from lpse_ops.cli.inventory_options import (
    InventoryOptions,
    Opened,
    inventory_options,
    open_inventory,
)
from lpse_ops.cli.output import emit, encode_text, open_output, render_table
from lpse_ops.cli.parameters import common_options, format_option, output_option
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError
from lpse_ops.inventory.document import simplify, to_json, to_line, to_yaml
from lpse_ops.inventory.layers import Setting
from lpse_ops.inventory.model import Host
from lpse_ops.marked import Text

NOTHING_MATCHED = 5
_WIDEST = 60

# The settings of each variable, the weakest first.
Explained = dict[str, list[Setting]]


@click.command(epilog="Example: lpse-ops inventory host db-1 --explain backup_day")
@click.argument("name")
@click.argument("variables", nargs=-1, metavar="[VARIABLE]...")
@click.option("--explain", "with_reasons", is_flag=True, help="Show which file and line won.")
@click.option("-y", "--yaml", "as_yaml", is_flag=True, help="As YAML.")
@click.option("--export", is_flag=True, help="Only what is set for the host itself.")
@inventory_options
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    name: str,
    variables: tuple[str, ...],
    with_reasons: bool,
    as_yaml: bool,
    export: bool,
    asked: InventoryOptions,
    output_format: str,
    output: Path | None,
) -> int:
    """Show the variables of the host NAME, or of them only each VARIABLE, as JSON.

    With --explain: where every value was written, and below it the values that it beat.
    """
    if with_reasons and (as_yaml or export):
        raise UsageError("--explain is a table", hint="leave --yaml and --export out")
    opened = open_inventory(app, asked)
    host = opened.inventory.host(name)
    if host is None:
        app.console.warn(f"there is no host {name!r}; lpse-ops inventory list shows all hosts")
        return NOTHING_MATCHED
    values = opened.view(export=export).host_values(host)
    names = [each for each in sorted(values) if not variables or each in variables]
    missing = [each for each in variables if each not in values]
    for each in missing:
        app.console.warn(f"nothing sets {each!r} for {name}")
    if with_reasons:
        _emit_reasons(opened, host, names, output_format=output_format, output=output)
    else:
        chosen = {each: values[each] for each in names}
        text = to_yaml(chosen) if as_yaml else to_json(chosen, mark_unsafe=False) + "\n"
        with open_output(output) as stream:
            stream.write(encode_text(text))
    return NOTHING_MATCHED if missing else 0


def _emit_reasons(
    opened: Opened, host: Host, names: Sequence[str], *, output_format: str, output: Path | None
) -> None:
    explained = {name: _settings(opened, host, name) for name in names}
    emit(
        "inventory/host",
        {"host": host.name, "variables": [_fields(*each) for each in explained.items()]},
        text=lambda: _render(explained),
        output_format=output_format,
        output=output,
    )


def _settings(opened: Opened, host: Host, name: str) -> list[Setting]:
    return [
        each._replace(value=opened.disclose(Text(name, each.origin), each.value))
        for each in opened.inventory.explain(host.name, name)
    ]


def _fields(name: str, settings: list[Setting]) -> dict[str, Any]:
    """The winner comes first."""
    return {
        "name": name,
        "settings": [
            {
                "value": simplify(each.value, mark_unsafe=False),
                "file": each.origin.file if each.origin else None,
                "line": each.origin.line if each.origin else None,
                "column": each.origin.column if each.origin else None,
                "set_by": each.layer,
            }
            for each in reversed(settings)
        ],
    }


def _render(explained: Explained) -> str:
    rows = [
        (name if at == 0 else "", _short(each), each.origin or "", f"{_verb(at)}{each.layer}")
        for name, settings in explained.items()
        for at, each in enumerate(reversed(settings))
    ]
    return render_table(("Variable", "Value", "Written in", "Set by"), rows)


def _verb(at: int) -> str:
    return "beats " if at else ""


def _short(setting: Setting) -> str:
    line = to_line(setting.value)
    return line if len(line) <= _WIDEST else f"{line[:_WIDEST]}..."
