"""Run playbooks on the hosts of an inventory."""

import functools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from lpse_ops.cli.parameters import FILE, common_options
from lpse_ops.cli.playbook_options import PlaybookFlags, playbook_options
from lpse_ops.cli.playbook_site import SiteReader, ask_for
from lpse_ops.cli.playbook_step import step_questions
from lpse_ops.cli.playbook_talk import Talk
from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError
from lpse_ops.inventory.inventory import Inventory
from lpse_ops.masking import Masker
from lpse_ops.playbook.config import load_config
from lpse_ops.playbook.listing import Listing, Surroundings, render_listing, render_syntax_check
from lpse_ops.playbook.model import Play, Playbook
from lpse_ops.playbook.options import RunOptions
from lpse_ops.playbook.reserved import warn_of_reserved_in


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
    talk = Talk(app.stderr)
    app.stderr = talk.errors
    config = load_config(app.environment, Path.cwd(), talk.warn)
    talk.settle(config, app.environment)
    reader = SiteReader(app, flags, config, talk.warn)
    talk.warn.mask = Masker(lambda: reader.vault.revealed)
    extra = reader.extra_vars()
    inventory = reader.inventory(extra)
    inventory.use_playbook_folder(playbooks[0].parent)
    loaded = reader.playbooks(playbooks, inventory, extra)
    if flags.syntax_check:
        sys.stdout.write(render_syntax_check([name for name, _ in loaded]))
        return 0
    options = reader.options(extra)
    if flags.list_hosts or flags.list_tasks or flags.list_tags:
        sys.stdout.write(_list(loaded, flags, options, reader, inventory))
        return 0
    if flags.limit and inventory.hosts and not inventory.match("all", flags.limit):
        raise OpsError(
            "Specified inventory, host pattern and/or --limit leaves us with no hosts to target.",
            hint=f"see which hosts there are: lpse-ops inventory list; --limit was {flags.limit}",
        )
    # Only a run needs the ways to hosts.
    from lpse_ops.playbook.links import Links
    from lpse_ops.playbook.run import Run, Site
    from lpse_ops.playbook.stepper import Stepper
    from lpse_ops.remote.connect import HostLinks
    from lpse_ops.remote.connections import Connections

    for play in (play for _, playbook in loaded for play in playbook.plays):
        warn_of_reserved_in(play, talk.warn)
    display = talk.display(output_format, config, options.verbosity, app.environment)
    make = functools.partial(
        HostLinks,
        connect=Connections().open,
        conceal=reader.vault.conceal,
        tell=talk.tell_of_links(output_format, options.verbosity),
        allow_same_user=config.become_allow_same_user,
    )
    links = Links(make)
    context = reader.context(playbooks[0], inventory, extra)
    try:
        site = Site(
            inventory,
            reader.templating,
            reader.vault,
            context,
            links,
            display,
            functools.partial(ask_for, warn=talk.warn),
            options,
            reader.facts(inventory),
            Stepper(step_questions(mask=talk.warn.mask)) if flags.step else None,
        )
        return Run(site).run([playbook for _, playbook in loaded])
    finally:
        talk.close()
        links.close()


def _list(
    loaded: Sequence[tuple[str, Playbook]],
    flags: PlaybookFlags,
    options: RunOptions,
    reader: SiteReader,
    inventory: Inventory,
) -> str:
    """What ``--list-hosts``, ``--list-tasks`` and ``--list-tags`` print."""
    known = {**options.extra_vars, "groups": inventory.groups_magic()}

    def evaluate(value: Any, play: Play) -> Any:
        return reader.templating.evaluate(value, {**play.vars, **known})

    def hosts_of(patterns: list[Any]) -> list[str]:
        return [each.name for each in inventory.match(patterns, flags.limit)]

    listing = Listing(
        flags.list_hosts, flags.list_tasks, flags.list_tags, options.tags, options.skip_tags
    )
    return render_listing(loaded, listing, Surroundings(hosts_of, evaluate))
