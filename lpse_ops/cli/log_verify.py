"""Verify the signed log: is it unchanged, is it complete, and how does a stranger see that?"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpse_ops.cli.log_stranger import how_to_check, render_script
from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import FILE, common_options, format_option, output_option
from lpse_ops.cli.wiring import App

if TYPE_CHECKING:
    from lpse_ops.ledgerverify import Verdict, Witness

_FAILED = 1


@click.command(epilog="Example: lpse-ops log verify --checkpoint mailed-in-january.txt")
@click.option(
    "--checkpoint",
    "kept",
    multiple=True,
    type=FILE,
    metavar="FILE",
    help="A checkpoint that was kept elsewhere: mailed, or typed from paper.",
)
@click.option(
    "--allowed-signers",
    type=FILE,
    metavar="FILE",
    help="The keys that may sign (ssh-keygen's format), instead of the one beside the log.",
)
@click.option(
    "--since", type=click.DateTime(), help="Tell no gaps from before; lines are judged all."
)
@click.option("--script", is_flag=True, help="Print a script that checks it without lpse-ops.")
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    kept: tuple[Path, ...],
    allowed_signers: Path | None,
    since: datetime | None,
    script: bool,
    output_format: str,
    output: Path | None,
) -> int:
    """Give two verdicts: integrity (nothing was changed) and completeness (nothing is missing)."""
    from lpse_ops.ledgerverify import verify_ledger

    if script:
        text = render_script(app.ledger)
        emit("log/script", {"script": text}, text=lambda: text, **_where(output_format, output))
        return 0
    now = app.clock.now()
    verdict = verify_ledger(
        app.ledger,
        _signers(app, allowed_signers),
        list(_witnesses(kept)),
        now,
        since.replace(tzinfo=now.tzinfo) if since else None,
    )
    emit(
        "log/verify",
        {
            "origin": app.ledger.origin,
            "records": verdict.records,
            "root": verdict.root.hex(),
            "checkpoints": verdict.checkpoints,
            "signed": verdict.signed,
            "witnessed": verdict.witnessed,
            "integrity": {"ok": not verdict.integrity, "findings": verdict.integrity},
            "completeness": {"ok": not verdict.completeness, "findings": verdict.completeness},
            "commands": how_to_check(app.ledger),
        },
        text=lambda: _render(app, verdict),
        **_where(output_format, output),
    )
    return 0 if verdict.is_good else _FAILED


def _signers(app: App, allowed_signers: Path | None) -> set[str]:
    from lpse_ops.ledgerkey import load_allowed_signers, load_public_key

    if allowed_signers is not None:
        return load_allowed_signers(allowed_signers, app.ledger.origin)
    key = load_public_key(app.ledger.key_folder)
    return set() if key is None else {key}


def _witnesses(kept: tuple[Path, ...]) -> "Iterator[Witness]":
    from lpse_ops.ledgercheckpoint import load_checkpoints
    from lpse_ops.ledgerverify import Witness

    for path in kept:
        for checkpoint in load_checkpoints(path):
            yield Witness(str(path), checkpoint)


def _where(output_format: str, output: Path | None) -> dict[str, Any]:
    return {"output_format": output_format, "output": output}


def _render(app: App, verdict: "Verdict") -> str:
    lines = [
        f"{app.ledger.origin}: {verdict.records} records, {verdict.checkpoints} checkpoints",
        *_verdict("integrity", "nothing was changed", verdict.integrity),
        *_verdict("completeness", "nothing is missing", verdict.completeness),
        f"signed up to line {verdict.signed}, {_proof(verdict)}",
        "",
        f"without lpse-ops, in {app.ledger.folder}:",
        *(f"  {each}" for each in how_to_check(app.ledger)),
    ]
    return "\n".join(lines)


def _verdict(name: str, good: str, findings: tuple[str, ...]) -> list[str]:
    if not findings:
        return [f"{name:12}  ok: {good}"]
    return [f"{name:12}  FAILED", *(f"  {finding}" for finding in findings)]


def _proof(verdict: "Verdict") -> str:
    if verdict.witnessed:
        return f"witnessed from elsewhere up to line {verdict.witnessed}"
    return (
        "witnessed by nobody: log and key lie on this machine, whose root could have made\n"
        "both anew; what leaves the house proves it: lpse-ops log checkpoint, then --checkpoint"
    )
