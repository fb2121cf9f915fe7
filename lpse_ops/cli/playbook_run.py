"""Run playbooks on the hosts of an inventory."""

import functools
import os
import sys
from pathlib import Path
from typing import Any

import click

from lpse_ops.cli.parameters import FILE, common_options
from lpse_ops.cli.playbook_display import DefaultDisplay
from lpse_ops.cli.playbook_options import PlaybookFlags, playbook_options
from lpse_ops.cli.playbook_report import ReportDisplay, render_json, render_junit
from lpse_ops.cli.playbook_site import SiteReader, ask_for
from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError
from lpse_ops.masking import Masker
from lpse_ops.playbook.config import Config, load_config
from lpse_ops.playbook.events import Display
from lpse_ops.playbook.listing import Listing, Surroundings, render_listing, render_syntax_check
from lpse_ops.playbook.model import Play


@click.command(epilog="Example: lpse-ops playbook run -i inventory playbooks/site.yml --check")
@click.argument("playbooks", nargs=-1, required=True, type=FILE, metavar="PLAYBOOK...")
@playbook_options
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json", "junit"]),
    default="text",
    help="Lines as Ansible's, or a report at the end.",
)
@common_options
@click.pass_obj
def command(
    app: App, /, playbooks: tuple[Path, ...], flags: PlaybookFlags, output_format: str
) -> int:
    """Run PLAYBOOKs in Ansible's format; exit codes are those of ansible-playbook."""
    config = load_config(app.environment, Path.cwd(), app.console.warn)
    reader = SiteReader(app, flags, config)
    inventory = reader.inventory()
    inventory.use_playbook_folder(playbooks[0].parent)
    extra = reader.extra_vars()
    loaded = reader.playbooks(playbooks, inventory, extra)
    if flags.syntax_check:
        sys.stdout.write(render_syntax_check([name for name, _ in loaded]))
        return 0
    options = reader.options(extra)
    if flags.list_hosts or flags.list_tasks or flags.list_tags:
        known = {**extra, "groups": inventory.groups_magic()}

        def evaluate(value: Any, play: Play) -> Any:
            return reader.templating.evaluate(value, {**play.vars, **known})

        listing = Listing(
            flags.list_hosts, flags.list_tasks, flags.list_tags, options.tags, options.skip_tags
        )
        around = Surroundings(
            lambda patterns: [each.name for each in inventory.match(patterns, flags.limit)],
            evaluate,
        )
        sys.stdout.write(render_listing(loaded, listing, around))
        return 0
    if flags.limit and not inventory.match("all", flags.limit):
        raise OpsError(
            "the inventory and --limit leave no hosts to target",
            hint=f"see which hosts there are: lpse-ops inventory list; --limit was {flags.limit}",
        )
    # Only a run needs the ways to hosts.
    from lpse_ops.playbook.links import Links
    from lpse_ops.playbook.run import Run, Site
    from lpse_ops.remote.connect import HostLinks
    from lpse_ops.remote.connections import Connections

    mask = Masker(lambda: reader.vault.revealed)
    display: Display = _display(app, config, options.verbosity, mask)
    if output_format != "text":
        render = render_json if output_format == "json" else render_junit
        display = ReportDisplay(render, sys.stdout, mask)
    links = Links(functools.partial(HostLinks, connect=Connections().open))
    context = reader.context(playbooks[0], inventory, extra)
    try:
        site = Site(
            inventory, reader.templating, reader.vault, context, links, display, ask_for, options
        )
        return Run(site).run([playbook for _, playbook in loaded])
    finally:
        links.close()


def _display(app: App, config: Config, verbosity: int, mask: Masker) -> DefaultDisplay:
    wanted = config.force_color or (
        sys.stdout.isatty() and not config.no_color and "NO_COLOR" not in app.environment
    )
    return DefaultDisplay(
        sys.stdout,
        verbosity=verbosity,
        color=wanted and os.environ.get("TERM") != "dumb",
        columns=0 if sys.stdout.isatty() else 79,
        show_ok=config.display_ok_hosts,
        show_skipped=config.display_skipped_hosts,
        mask=mask,
    )
