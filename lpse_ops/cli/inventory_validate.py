"""Find what is wrong in an inventory, with file, line and column; nothing is run or asked."""

import dataclasses
from collections.abc import Callable, Mapping
from datetime import date, datetime
from pathlib import Path

import click

from lpse_ops.cli.findings import emit_findings, exit_code, findings_format_option
from lpse_ops.cli.inventory_options import (
    default_sources,
    inventory_option,
    playbook_folder_option,
)
from lpse_ops.cli.output import emit, render_table
from lpse_ops.cli.parameters import FILE, common_options, output_option
from lpse_ops.cli.playbook_uses import read_uses_of
from lpse_ops.cli.vault_options import VaultOptions, read_secrets, vault_options
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError
from lpse_ops.finding import Report
from lpse_ops.inventory.accepted import FILE_NAME, Accepted, load_accepted, unknown_rules
from lpse_ops.inventory.load import expand_source, folders_beside
from lpse_ops.inventory.look import Beside, look
from lpse_ops.inventory.nearness import nearest
from lpse_ops.inventory.seen import Fault, Seen
from lpse_ops.inventory.seenfile import NOT_CHECKED
from lpse_ops.inventory.validate import Rule, load_rules, validate
from lpse_ops.playbook.config import load_config
from lpse_ops.playbook.reserved import RESERVED
from lpse_ops.vault import Vault

NOTHING_MATCHED = 5


@dataclasses.dataclass(frozen=True)
class Asked:
    """What the command line says is to be looked at."""

    sources: tuple[str, ...]
    playbooks: tuple[Path, ...]
    playbook_dir: Path
    vault: VaultOptions
    today: date


@click.command(epilog="Example: lpse-ops inventory validate -i inventory --strict")
@inventory_option
@click.option(
    "--playbook",
    "playbooks",
    multiple=True,
    type=FILE,
    metavar="FILE",
    help="Playbook whose variables are compared with the inventory's; may be repeated.",
)
@playbook_folder_option
@click.option("--rule", "only", multiple=True, metavar="RULE", help="Look for this rule only.")
@click.option("--skip", multiple=True, metavar="RULE", help="Do not look for this rule.")
@click.option(
    "--ignore-file",
    type=FILE,
    metavar="FILE",
    help=f"Findings that are accepted, instead of {FILE_NAME} beside the inventory.",
)
@click.option("--strict", is_flag=True, help="Warnings fail as well.")
@click.option(
    "--today",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    metavar="DATE",
    help="The day on which dates are judged, for runs that can be repeated.",
)
@click.option("--list-rules", is_flag=True, help="List all rules.")
@click.option("--explain", metavar="RULE", help="Say what a rule is about and how to mend it.")
@vault_options
@findings_format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    inventory: tuple[str, ...],
    playbooks: tuple[Path, ...],
    playbook_dir: Path,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    ignore_file: Path | None,
    strict: bool,
    today: datetime | None,
    list_rules: bool,
    explain: str | None,
    passwords: VaultOptions,
    output_format: str,
    output: Path | None,
) -> int:
    """Find what is wrong in an inventory: syntax, misspelt names, addresses, secrets in clear.

    Ansible lets most of it pass.  Exit code 1 if there is an error, with --strict also for a
    warning; 5 if there is no host at all.
    """
    rules = load_rules()
    if list_rules or explain is not None:
        shown = choose_rules(rules, (explain,) if explain is not None else (), ())
        return _show_rules(shown, in_full=not list_rules, output_format=output_format, to=output)
    day = today.date() if today else app.clock.now().date()
    asked = Asked(inventory, playbooks, playbook_dir, passwords, day)
    chosen = choose_rules(rules, only, skip)
    seen, sources = _look(app, asked)
    accepted = _accepted(ignore_file, sources, rules)
    report = validate(seen, chosen, accepted)
    emit_findings(report, output_format=output_format, output=output)
    if output_format == "text":
        _say_notes(app, report)
    if not seen.hosts and seen.is_complete and not report.findings:
        app.console.warn("there is no host in the inventory; is it the right one?")
        return NOTHING_MATCHED
    return exit_code(report, strict=strict)


def choose_rules(
    rules: Mapping[str, Rule], only: tuple[str, ...], skip: tuple[str, ...]
) -> Mapping[str, Rule]:
    """The rules that are asked for; UsageError for one that there is not."""
    for name in (*only, *skip):
        if name not in rules:
            near = nearest(name, rules)
            raise UsageError(
                f"there is no rule {name!r}",
                hint=f"did you mean {near!r}?"
                if near
                else "see lpse-ops inventory validate --list-rules",
            )
    chosen = only or tuple(rules)
    return {name: rule for name, rule in rules.items() if name in chosen and name not in skip}


def _look(app: App, asked: Asked) -> tuple[Seen, tuple[str, ...]]:
    config = load_config(app.environment, Path.cwd(), app.console.warn)
    sources = asked.sources or default_sources(app, config.inventory)
    vault = Vault(read_secrets(app, asked.vault, prompt=False))
    settings = app.settings_unless_empty
    seen = look(
        sources,
        Beside(
            asked.today,
            lkpp_addresses=tuple(map(str, settings.lkpp.addresses)) if settings else (),
            reserved=RESERVED,
        ),
        playbook_folder=str(asked.playbook_dir),
        open_sealed=vault.decrypt if vault.secrets else None,
        group_names=config.transform_invalid_group_chars,
    )
    if not asked.playbooks:
        return seen, sources
    given = {cell.name for cell in seen.cells}
    uses = read_uses_of(app, asked.playbooks, vault, given)
    hint = "see lpse-ops playbook lint; undefined variables are not looked for in this playbook"
    unread = [Fault(at, f"{at}: {problem}", hint) for at, problem in uses.unread]
    faults = {**seen.faults, NOT_CHECKED: [*seen.faults.get(NOT_CHECKED, ()), *unread]}
    seen = dataclasses.replace(seen, used=uses.used, defined=uses.defined, faults=faults)
    return seen, sources


def _accepted(
    named: Path | None, sources: tuple[str, ...], rules: Mapping[str, Rule]
) -> list[Accepted]:
    folders = folders_beside([expand_source(each) for each in sources])
    beside = (Path(folder) / FILE_NAME for folder in folders)
    files = [named] if named else [path for path in beside if path.is_file()]
    accepted = [entry for path in files for entry in load_accepted(path)]
    unknown_rules(accepted, frozenset(rules))
    return accepted


def _say_notes(app: App, report: Report) -> None:
    for each in report.notes:
        app.console.print(f"lpse-ops: note: {each.message}; {each.hint}")


def _show_rules(
    rules: Mapping[str, Rule], *, in_full: bool, output_format: str, to: Path | None
) -> int:
    if output_format not in ("text", "json"):
        raise UsageError(
            f"rules are not written as {output_format}", hint="use --format text or --format json"
        )
    docs = [rule.doc for rule in rules.values()]
    texts: dict[bool, Callable[[], str]] = {
        True: lambda: "\n".join(
            f"{doc.id} ({doc.severity})\n\n{doc.title}\n\n{doc.text}\n" for doc in docs
        ),
        False: lambda: render_table(
            ("Rule", "Severity", "What is wrong"), [(d.id, d.severity, d.title) for d in docs]
        ),
    }
    emit(
        "inventory/rules",
        {"rules": [doc._asdict() for doc in docs]},
        text=texts[in_full],
        output_format=output_format,
        output=to,
    )
    return 0
