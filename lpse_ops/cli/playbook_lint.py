"""Find what cannot run, or surprises, in playbooks: no host is asked."""

import functools
import shlex
from collections.abc import Callable
from pathlib import Path

import click

from lpse_ops.cli.output import emit, printable
from lpse_ops.cli.parameters import FILE, common_options, format_option, output_option
from lpse_ops.cli.vault_options import VaultOptions, read_secrets, vault_options
from lpse_ops.cli.wiring import App
from lpse_ops.markedyaml import load_marked
from lpse_ops.playbook.config import load_config
from lpse_ops.playbook.lint import lint_playbook
from lpse_ops.playbook.mode_trap import Finding
from lpse_ops.playbook.registry import find_module, module_names
from lpse_ops.playbook.scope import LoadContext
from lpse_ops.playbook.template_check import template_checker
from lpse_ops.templating.engine import Templating
from lpse_ops.vault import Vault

FINDINGS = 1


@click.command(epilog="Example: lpse-ops playbook lint playbooks/site.yml")
@click.argument("playbooks", nargs=-1, required=True, type=FILE, metavar="PLAYBOOK...")
@vault_options
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    playbooks: tuple[Path, ...],
    passwords: VaultOptions,
    output_format: str,
    output: Path | None,
) -> int:
    """Find what cannot run here, and what surprises: YAML's traps, and what ansible-core 2.18 and
    2.19 read differently.  Exit code 1 if there is anything.
    """
    vault = Vault(read_secrets(app, passwords, prompt=False))
    findings: dict[Finding, None] = {}
    for path in playbooks:
        found = lint_playbook(path, functools.partial(_context, app, vault, path))
        findings |= dict.fromkeys(found)
    emit(
        "playbook/lint",
        {"findings": [_as_json(each) for each in findings]},
        text=lambda: "".join(map(_as_text, findings)),
        output_format=output_format,
        output=output,
    )
    return FINDINGS if findings else 0


def _context(app: App, vault: Vault, playbook: Path, warn: Callable[[str], None]) -> LoadContext:
    config = load_config(app.environment, Path.cwd(), app.console.warn)
    templating = Templating(vault=vault)
    return LoadContext(
        load_yaml=lambda path: load_marked(path, open_sealed=vault.decrypt, warn=warn),
        find_module=find_module,
        module_names=module_names,
        evaluate=templating.evaluate,
        warn=warn,
        check_templates=template_checker(templating),
        roles_path=config.roles_path,
        collections_path=config.collections_path,
        command=f"ansible-playbook {shlex.quote(str(playbook))}",
    )


def _as_text(finding: Finding) -> str:
    place = f"{finding.origin}: " if finding.origin else ""
    return f"{printable(f'{place}{finding.rule}: {finding.message}')}\n    {finding.advice}\n"


def _as_json(finding: Finding) -> dict[str, object]:
    origin = finding.origin
    return {
        "file": origin.file if origin else None,
        "line": origin.line if origin else None,
        "column": origin.column if origin else None,
        "rule": finding.rule,
        "message": finding.message,
        "advice": finding.advice,
    }
