"""Look into a package of SPSE before it touches anything: what is it, and is it hostile?"""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lpse_ops.cli.output import emit, printable
from lpse_ops.cli.parameters import FILE, common_options, format_option, output_option
from lpse_ops.cli.sizes import format_size
from lpse_ops.cli.wiring import App
from lpse_ops.errors import UsageError

if TYPE_CHECKING:
    from lpse_ops.spse.package import Expected, Inspected

_SHA256 = re.compile(r"[0-9a-f]{64}")


@click.command(epilog="Example: lpse-ops spse inspect spse-4.5.tar.gz --sha256 9f86d081...")
@click.argument("archive", type=FILE)
@click.option("--sha256", metavar="HEX", help="The digest that it must have, as LKPP states it.")
@click.option("--signature", type=FILE, metavar="FILE", help="Signature by ssh-keygen -Y sign.")
@click.option(
    "--signers", type=FILE, metavar="FILE", help="The keys that may sign (allowed_signers)."
)
@click.option("--release", metavar="VERSION", help="Its version, if its name does not tell.")
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    archive: Path,
    sha256: str | None,
    signature: Path | None,
    signers: Path | None,
    release: str | None,
    output_format: str,
    output: Path | None,
) -> int:
    """Inspect ARCHIVE (zip, tar, tar.gz, tar.xz or tar.zst); nothing is unpacked.

    Refused (exit code 7) is what has another digest or signature, what would reach outside its
    folder, hides data or bursts the disk, and what is no SPSE 4.
    """
    from lpse_ops.spse.package import open_package

    expected = read_expected(sha256, signature, signers, release)
    with open_package(archive) as package:
        inspected = package.inspect(expected)
    for note in inspected.notes():
        app.console.warn(note)
    emit(
        "spse/inspect",
        _to_json(inspected),
        text=lambda: _render(inspected),
        output_format=output_format,
        output=output,
    )
    return 0


def read_expected(
    sha256: str | None, signature: Path | None, signers: Path | None, release: str | None
) -> "Expected":
    """What a package should be, as it was said on the command line."""
    from lpse_ops.spse.package import Expected
    from lpse_ops.spse.packagesignature import load_signature, load_signers
    from lpse_ops.spse.releaseversion import is_version

    digest = None if sha256 is None else sha256.strip().lower()
    if digest is not None and not _SHA256.fullmatch(digest):
        raise UsageError(
            f"{digest[:70]!a} is no SHA-256", hint="give its 64 hex digits: sha256sum ARCHIVE"
        )
    if release is not None and not is_version(release):
        raise UsageError(
            f"{release[:60]!a} is no version that a release can have",
            hint="write it as 4.5, 4.5.2 or 4.5u20230901: --release 4.5",
        )
    if (signature is None) != (signers is None):
        raise UsageError(
            "a signature is judged by the keys that may sign, and only so",
            hint="give both: --signature ARCHIVE.sig --signers allowed_signers",
        )
    return Expected(
        digest,
        release,
        load_signature(signature) if signature else None,
        tuple(load_signers(signers)) if signers else (),
    )


def _to_json(inspected: "Inspected") -> dict[str, Any]:
    layout, signer = inspected.layout, inspected.signer
    return {
        "name": inspected.name,
        "kind": inspected.kind,
        "size_bytes": inspected.size_bytes,
        "sha256": inspected.sha256,
        "sha256_compared": inspected.is_expected,
        "signed_by": None if signer is None else {"name": signer.name, "key": signer.key},
        "version": inspected.version,
        "layout": layout.name,
        "folder": inspected.root,
        "start_script": layout.start_script,
        "has_migration": layout.has_migration,
        "configuration": layout.configuration,
        "webapp": layout.webapp or None,
        "logs": layout.logs,
        "pid_files": layout.pid_files,
        "files": _count(inspected, "file"),
        "folders": _count(inspected, "folder"),
        "links": _count(inspected, "link") + _count(inspected, "hard link"),
        "unpacked_bytes": inspected.unpacked_bytes,
        "notes": inspected.notes(),
    }


def _count(inspected: "Inspected", kind: str) -> int:
    return sum(each.kind == kind for each in inspected.content)


def _render(inspected: "Inspected") -> str:
    layout = inspected.layout
    compared = "as expected" if inspected.is_expected else "not compared"
    links = _count(inspected, "link") + _count(inspected, "hard link")
    rows = {
        "package": f"{inspected.name} ({inspected.kind}, {format_size(inspected.size_bytes)})",
        "SHA-256": f"{inspected.sha256} ({compared})",
        "signed by": inspected.signer.name if inspected.signer else "nobody",
        "version": inspected.version or "unknown",
        "layout": f"{layout.name}, in {inspected.root or 'the archive itself'}",
        "start script": layout.start_script + (" (migration)" if layout.has_migration else ""),
        "configuration": layout.configuration,
        "content": f"{_count(inspected, 'file')} files, {links} links, "
        f"{format_size(inspected.unpacked_bytes)} unpacked",
    }
    return "".join(f"{name:13}  {printable(value)}\n" for name, value in rows.items())
