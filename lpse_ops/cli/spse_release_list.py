"""Which releases of SPSE are there, and which one runs."""

from pathlib import Path
from typing import Any

import click

from lpse_ops.cli.output import emit, render_table
from lpse_ops.cli.parameters import common_options, format_option, output_option
from lpse_ops.cli.spse_release_options import link_option, releases_option
from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError

_DAMAGED = 1


@click.command(epilog="Example: lpse-ops spse release list --verify")
@click.option("--verify", is_flag=True, help="Also compare every file with what was unpacked.")
@releases_option
@link_option
@format_option
@output_option
@common_options
@click.pass_obj
def command(
    app: App,
    /,
    verify: bool,
    releases: Path,
    link: Path,
    output_format: str,
    output: Path | None,
) -> int:
    """List the releases, the current one marked; exit code 1 if one was changed or is damaged."""
    from lpse_ops.spse.currentrelease import read_current
    from lpse_ops.spse.release import list_releases

    current = read_current(link, releases)
    rows = [_describe(releases, version, verify=verify) for version in list_releases(releases)]
    for row in rows:
        row["current"] = current.state == "release" and row["version"] == current.version
        for problem in row["problems"]:
            app.console.warn(f"{row['folder']}: {problem}")
    emit(
        "spse/release/list",
        {
            "releases": rows,
            "current": {
                "link": link,
                "state": current.state,
                "version": current.version,
                "target": current.target,
            },
        },
        text=lambda: _render(rows, link, current.state),
        output_format=output_format,
        output=output,
    )
    return _DAMAGED if any(row["problems"] for row in rows) else 0


def _describe(releases: Path, version: str, *, verify: bool) -> dict[str, Any]:
    from lpse_ops.spse.release import load_release, release_folder
    from lpse_ops.spse.releasecompare import compare_release

    folder = release_folder(releases, version).absolute()
    row: dict[str, Any] = {"version": version, "folder": folder}
    try:
        release = load_release(releases, version)
        problems = [each.text for each in compare_release(folder, release)] if verify else []
    except OpsError as error:
        return row | {"package": None, "sha256": None, "layout": None, "problems": [error.message]}
    return row | {
        "package": release.package_name or None,
        "sha256": release.package_sha256,
        "layout": release.layout.name,
        "problems": problems,
    }


def _render(rows: list[dict[str, Any]], link: Path, state: str) -> str:
    marks = [
        (
            "*" if row["current"] else "",
            row["version"],
            row["layout"] or "DAMAGED",
            row["package"] or "installed by hand",
            (row["sha256"] or "")[:12],
        )
        for row in rows
    ]
    table = render_table(("", "VERSION", "LAYOUT", "PACKAGE", "SHA-256"), marks) if rows else ""
    if state == "release":
        return table
    words = {
        "none": f"{link} is not there: no release is the current one",
        "folder": f"{link} is an application that was installed by hand: "
        "lpse-ops spse release adopt --release VERSION",
        "elsewhere": f"{link} leads to something that is no release",
        "dangling": f"{link} leads to a release that is not there",
        "other": f"{link} is neither link nor folder",
    }
    return f"{table}{words[state]}\n"
