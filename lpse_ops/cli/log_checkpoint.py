"""Make a checkpoint of the signed log and write it for mail and paper."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import common_options, format_option, output_option
from lpse_ops.cli.wiring import App
from lpse_ops.errors import LedgerError, RepositoryMissing, SettingsError, StorageError

if TYPE_CHECKING:
    from lpse_ops.cli.settings import Destination
    from lpse_ops.ledgercheckpoint import Checkpoint

_FAILED = 1
# Read by people; what is between the lines is found by log verify --checkpoint.
_MAIL = """\
Simpan surat ini di luar jangkauan mesin yang mengirimnya. Kelak ia membuktikan bahwa log
cadangan sampai catatan ini tidak diubah: simpan isinya sebagai berkas, lalu jalankan

    lpse-ops log verify --checkpoint BERKAS

{text}
{paper}

{signature}"""


@click.command(epilog="Example: lpse-ops log checkpoint --qr --output checkpoint.txt")
@click.option("--qr", is_flag=True, help="Add a QR code to print.")
@click.option("--send", "is_sent", is_flag=True, help="Mail it to who is in notify.urls_file.")
@click.option(
    "--to",
    "names",
    multiple=True,
    metavar="NAME",
    help="Keep it beside the repository of this destination, in lpse-ops-log/.",
)
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    qr: bool,
    is_sent: bool,
    names: tuple[str, ...],
    output_format: str,
    output: Path | None,
) -> int:
    """Sign what the log holds now; keep the answer where this machine cannot reach it.

    Mail it out of the house, print it, or put it on a disk that is carried out: later it shows
    that nothing up to here was changed.
    """
    from lpse_ops.ledgerkey import load_public_key

    destinations = [_destination(app, name) for name in names]
    checkpoint = app.ledger.checkpoint()
    if checkpoint is None:
        raise LedgerError(
            f"the log of {app.ledger.origin} is empty", hint="make a backup: lpse-ops backup"
        )
    signature = app.ledger.checkpoints.signature(checkpoint.size)
    key = load_public_key(app.ledger.key_folder) or ""
    emit(
        "log/checkpoint",
        {
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "root": checkpoint.root.hex(),
            "text": checkpoint.text(),
            "signature": signature,
            "key": key,
        },
        text=lambda: _render(checkpoint, signature, key, qr=qr),
        output_format=output_format,
        output=output,
    )
    text = _render(checkpoint, signature, key, qr=False).encode()
    kept = [_keep(app, each, checkpoint, text) for each in destinations]
    sent = not is_sent or _send(app, checkpoint, signature)
    return 0 if sent and all(kept) else _FAILED


def _destination(app: App, name: str) -> "Destination":
    from lpse_ops.cli.destination_access import named_destination

    return named_destination(app, name)


def _keep(app: App, destination: "Destination", checkpoint: "Checkpoint", text: bytes) -> bool:
    """Put it beside a destination's repository; False, and told, if it is not there."""
    from lpse_ops.backup.openkey import ensure_exists
    from lpse_ops.backup.witness import save_witness
    from lpse_ops.cli.destination_access import open_place

    try:
        backend = open_place(app, destination.location, destination)
        # Nothing is put where a disk should be.
        ensure_exists(backend)
        kept = save_witness(backend, checkpoint.origin, checkpoint.size, text)
    except (StorageError, RepositoryMissing) as error:
        app.console.warn(f"{destination.name} did not get the checkpoint: {error.message}")
        return False
    app.console.print(f"{destination.name} has {kept}")
    return True


def _send(app: App, checkpoint: "Checkpoint", signature: str) -> bool:
    """Mail it; False unless everybody took it."""
    from lpse_ops.cli.notify_send import Message, send
    from lpse_ops.cli.notify_urls import read_urls

    path = app.settings.notify.urls_file
    if path is None:
        raise SettingsError(
            f"{app.settings.file} has no notify.urls_file",
            hint="add it, and try it with lpse-ops notify test",
        )
    title = f"[{checkpoint.origin}] Sidik jari log sampai catatan ke-{checkpoint.size}"
    body = _MAIL.format(text=checkpoint.text(), paper=checkpoint.paper(), signature=signature)
    urls = read_urls(path, "notify.urls_file")
    failures = send(urls, Message(title, body))
    for failure in failures:
        app.console.warn(f"not sent: {failure}")
    app.console.print(f"{len(urls) - len(failures)} of {len(urls)} took the checkpoint")
    return not failures


def _render(checkpoint: "Checkpoint", signature: str, key: str, *, qr: bool) -> str:
    from lpse_ops.ledgercheckpoint import allowed_signer

    parts = [
        checkpoint.text(),
        f"{checkpoint.paper()}\n",
        signature,
        allowed_signer(checkpoint.origin, key),
    ]
    if qr:
        from lpse_ops.backup.recovery import render_qr_text

        parts.append(render_qr_text(checkpoint.text(), paper=True))
    return "\n".join(parts)
