"""Mark snapshots: with tags, or as milestones that are kept forever."""

from datetime import timedelta
from pathlib import Path

import click

from lpse_ops.backup.milestone import milestone_tags
from lpse_ops.backup.tagging import Retagged, TagChange, change_tags, refuse_milestone_tags
from lpse_ops.cli.backup_options import Only, filter_options, retry_lock_option
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import format_option, output_option, repository_options
from lpse_ops.cli.repository_access import locked
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError

_NO_FILTER = Only(None, (), ())


@click.command(epilog="Example: lpse-ops backup tag --keep-forever 'pemeriksaan BPK 2026' 4f0c81d2")
@click.argument("snapshots", nargs=-1, metavar="[SNAPSHOT]...")
@click.option("--add", multiple=True, metavar="TAG[,TAG]", help="Add these tags.")
@click.option("--remove", multiple=True, metavar="TAG[,TAG]", help="Take these tags off.")
@click.option(
    "--set", "replace", multiple=True, metavar="TAG[,TAG]", help="Replace all; '' is none."
)
@click.option("--keep-forever", metavar="REASON", help="Make a milestone, which nothing removes.")
@click.option("--remove-keep-forever", is_flag=True, help="End that: the reason is over.")
@filter_options
@retry_lock_option
@format_option
@output_option
@repository_options
@click.pass_obj
def command(
    app: App,
    /,
    snapshots: tuple[str, ...],
    add: tuple[str, ...],
    remove: tuple[str, ...],
    replace: tuple[str, ...],
    keep_forever: str | None,
    remove_keep_forever: bool,
    only: Only,
    retry_lock: timedelta,
    output_format: str,
    output: Path | None,
) -> None:
    """Change the tags of each SNAPSHOT; without one, of all that --host, --tag and --path choose.

    A milestone gets the tags 'keep-forever' and 'keep-forever:REASON', so that stock restic can
    keep it too: restic forget --keep-tag keep-forever. A changed snapshot gets a new id.
    """
    change = _change(
        _split(add),
        _split(remove),
        _split(replace) if replace else None,
        keep_forever,
        end_milestone=remove_keep_forever,
    )
    is_about_milestones = bool(change.milestone or change.end_milestone)
    if is_about_milestones and not snapshots and only == _NO_FILTER:
        raise UsageError(
            "which snapshots?", hint="name them: lpse-ops backup snapshots lists their ids"
        )
    if snapshots and "latest" not in snapshots and only != _NO_FILTER:
        raise UsageError(
            "--host, --tag and --path choose nothing where snapshots are named",
            hint="leave them out; they go without SNAPSHOT, or with 'latest'",
        )
    with locked(app, exclusive=True, retry_lock=retry_lock) as repository:
        everything = repository.snapshots()
        chosen = only.choose_each(everything, snapshots)
        changed = change_tags(repository, everything, chosen, change)
    emit(
        "backup/tag",
        {
            "changed": [
                {"old_id": each.old.id, "new_id": each.new_id, "tags": list(each.tags)}
                for each in changed
            ]
        },
        text=lambda: _render(changed),
        output_format=output_format,
        output=output,
    )


def _change(
    add: tuple[str, ...],
    remove: tuple[str, ...],
    replace: tuple[str, ...] | None,
    keep_forever: str | None,
    *,
    end_milestone: bool,
) -> TagChange:
    refuse_milestone_tags((*add, *remove, *(replace or ())))
    change = TagChange(
        set=replace,
        add=add,
        remove=remove,
        milestone=milestone_tags(keep_forever) if keep_forever is not None else (),
        end_milestone=end_milestone,
    )
    if change == TagChange():
        raise UsageError(
            "what should be changed?", hint="give --add, --remove, --set or --keep-forever"
        )
    if replace is not None and change != TagChange(set=replace):
        raise UsageError("--set stands alone", hint="give --add and --remove instead")
    if change.milestone and end_milestone:
        raise UsageError(
            "--keep-forever and --remove-keep-forever contradict each other",
            hint="give one of them; --keep-forever alone changes the reason",
        )
    return change


def _split(texts: tuple[str, ...]) -> tuple[str, ...]:
    """restic's comma lists; the empty text is no tag at all."""
    tags = (tag.strip() for text in texts for tag in text.split(","))
    return tuple(dict.fromkeys(tag for tag in tags if tag))


def _render(changed: list[Retagged]) -> str:
    lines = [
        f"{each.old.short_id} is now {each.new_id[:8]}, tags {','.join(each.tags) or '(none)'}"
        for each in changed
    ]
    return "\n".join([*lines, f"{len(changed)} snapshots changed"])
