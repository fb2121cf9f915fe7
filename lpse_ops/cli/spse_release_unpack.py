"""Unpack a package of SPSE into a release of its own, beside those that are there."""

from pathlib import Path

import click

from lpse_ops.cli.output import emit
from lpse_ops.cli.parameters import FILE, common_options, format_option, output_option
from lpse_ops.cli.spse_inspect import read_expected
from lpse_ops.cli.spse_release_options import account_option, releases_option
from lpse_ops.cli.wiring import App


@click.command(
    epilog="Example: lpse-ops spse release unpack spse-4.5.tar.gz --release 4.5 --sha256 9f86..."
)
@click.argument("archive", type=FILE)
@click.option("--release", metavar="VERSION", help="Its version, if its name does not tell.")
@click.option("--sha256", metavar="HEX", help="The digest that it must have, as LKPP states it.")
@click.option("--signature", type=FILE, metavar="FILE", help="Signature by ssh-keygen -Y sign.")
@click.option(
    "--signers", type=FILE, metavar="FILE", help="The keys that may sign (allowed_signers)."
)
@account_option
@releases_option
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    archive: Path,
    release: str | None,
    sha256: str | None,
    signature: Path | None,
    signers: Path | None,
    account: str,
    releases: Path,
    output_format: str,
    output: Path | None,
) -> None:
    """Inspect ARCHIVE and unpack it; nothing that runs is touched.

    A package that is refused (exit code 7) leaves nothing behind.  Unpacking the same package
    again changes nothing.
    """
    from lpse_ops.cli.spse_release_options import check_releases_folder, find_owners, require_root
    from lpse_ops.spse.package import open_package
    from lpse_ops.spse.release import list_releases, release_folder
    from lpse_ops.spse.releaseunpack import unpack_release

    require_root("unpack a release")
    expected = read_expected(sha256, signature, signers, release)
    owners = find_owners(account)
    check_releases_folder(releases)
    before = list_releases(releases)
    with open_package(archive) as package:
        inspected = package.inspect(expected)
        for note in inspected.notes():
            app.console.warn(note)
        unpacked = unpack_release(package, inspected, releases, owners)
    folder = release_folder(releases, unpacked.version).absolute()
    changed = unpacked.version not in before
    emit(
        "spse/release/unpack",
        {
            "version": unpacked.version,
            "folder": folder,
            "sha256": unpacked.package_sha256,
            "changed": changed,
            "layout": unpacked.layout.name,
            "configuration": unpacked.layout.configuration,
            "notes": inspected.notes(),
        },
        text=lambda: f"{'unpacked into' if changed else 'is there already:'} {folder}\n",
        output_format=output_format,
        output=output,
    )
