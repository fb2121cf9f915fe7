"""Run playbooks on the hosts of an inventory."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpse_ops.cli.parameters import FILE, common_options
from lpse_ops.cli.playbook_engine import Engine, Loaded
from lpse_ops.cli.playbook_options import PlaybookFlags, playbook_options
from lpse_ops.cli.playbook_step import step_questions
from lpse_ops.cli.wiring import App
from lpse_ops.playbook.listing import Listing, Surroundings, render_listing, render_syntax_check
from lpse_ops.playbook.model import Play

if TYPE_CHECKING:
    from lpse_ops.playbook.stepper import Stepper


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
    engine = Engine(app, flags)
    engine.talk.report_format = output_format
    loaded = engine.load(playbooks)
    if flags.syntax_check:
        sys.stdout.write(render_syntax_check([name for name, _ in loaded]))
        return 0
    if flags.list_hosts or flags.list_tasks or flags.list_tags:
        sys.stdout.write(_list(loaded, flags, engine))
        return 0
    engine.require_hosts()
    display = engine.talk.display(engine.config, engine.options.verbosity, app.environment)
    try:
        return engine.run(loaded, display, step=_stepper(flags, engine)).status
    finally:
        engine.close()


def _stepper(flags: PlaybookFlags, engine: Engine) -> "Stepper | None":
    if not flags.step:
        return None
    from lpse_ops.playbook.stepper import Stepper

    return Stepper(step_questions(mask=engine.talk.warn.mask))


def _list(loaded: Loaded, flags: PlaybookFlags, engine: Engine) -> str:
    """What ``--list-hosts``, ``--list-tasks`` and ``--list-tags`` print."""
    options, inventory, templating = engine.options, engine.inventory, engine.reader.templating
    known = {**options.extra_vars, "groups": inventory.groups_magic()}

    def evaluate(value: Any, play: Play) -> Any:
        return templating.evaluate(value, {**play.vars, **known})

    def hosts_of(patterns: list[Any]) -> list[str]:
        return [each.name for each in inventory.match(patterns, flags.limit)]

    listing = Listing(
        flags.list_hosts, flags.list_tasks, flags.list_tags, options.tags, options.skip_tags
    )
    return render_listing(loaded, listing, Surroundings(hosts_of, evaluate))
