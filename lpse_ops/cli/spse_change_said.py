"""What a change of SPSE is made of, as the command line says it: package, reasons, people."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lpse_ops.cli.parameters import FILE
from lpse_ops.cli.wiring import App
from lpse_ops.errors import PolicyRefused, UsageError

if TYPE_CHECKING:
    from lpse_ops.spse.change import Change, Kind, Package

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_PACKAGE = (
    click.option("--sha256", metavar="HEX", help="The digest that LKPP states."),
    click.option("--signature", type=FILE, metavar="FILE", help="Signature by ssh-keygen -Y sign."),
    click.option("--signers", type=FILE, metavar="FILE", help="The keys that may sign."),
    click.option("--release", metavar="VERSION", help="Its version, if its name does not tell."),
)
_RECORD = (
    click.option("--reason", metavar="TEXT", help="Why, for the record; else the request's."),
    click.option(
        "--performed-by",
        "people",
        multiple=True,
        metavar="NAME",
        help="Who does it, for the record.",
    ),
    click.option("--change", "change_id", metavar="ID", help="The request that this answers."),
)
_COURSE = (
    click.option("--yes", "-y", is_flag=True, help="Do it without a question."),
    click.option("--serial", metavar="N", help="So many servers at a time, or a percentage (1)."),
    click.option(
        "--max-fail-percentage",
        type=click.IntRange(0, 100),
        metavar="P",
        help="Begin no further batch once more than this of one have failed (0).",
    ),
    click.option("--playbook", type=FILE, metavar="FILE", help="Instead of the site's own."),
)


def package_options(command: Decorated) -> Decorated:
    return _decorate(command, _PACKAGE)


def record_options(command: Decorated) -> Decorated:
    return _decorate(command, _RECORD)


def course_options(command: Decorated) -> Decorated:
    return _decorate(command, _COURSE)


def _decorate(command: Decorated, options: tuple[Callable[[Any], Any], ...]) -> Decorated:
    for option in reversed(options):
        command = option(command)
    return command


@dataclass(frozen=True)
class Course:
    """How it goes from server to server."""

    serial: str | None
    max_fail_percentage: int | None

    def variables(self) -> dict[str, Any]:
        said: dict[str, Any] = {}
        if self.serial is not None:
            said["spse_serial"] = _serial(self.serial)
        if self.max_fail_percentage is not None:
            said["spse_max_fail_percentage"] = self.max_fail_percentage
        return said


def _serial(text: str) -> int | str:
    number = text.removesuffix("%")
    if not (number.isascii() and number.isdigit() and int(number) > 0):
        raise UsageError(
            f"--serial {text[:20]!a} is no number of servers",
            hint="write how many at a time, or a part of all: --serial 2, --serial 25%",
        )
    return int(text) if number == text else text


def inspect_package(
    app: App,
    package: Path,
    *,
    sha256: str | None,
    signature: Path | None,
    signers: Path | None,
    release: str | None,
) -> tuple["Package", dict[str, Any]]:
    """Judge the package here, before any server is touched; and what the playbook is told of it.

    PackageRefused (exit code 7) for one that is not what it should be.
    """
    from lpse_ops.cli.spse_inspect import read_expected
    from lpse_ops.spse.change import Package
    from lpse_ops.spse.package import open_package

    with open_package(package) as opened:
        inspected = opened.inspect(read_expected(sha256, signature, signers, release))
    for note in inspected.notes():
        app.console.warn(note)
    if inspected.version is None:
        raise UsageError(
            f"the name {package.name!a} does not tell which version it is",
            hint="say it: --release 4.5",
        )
    said = {
        "spse_package": str(package.absolute()),
        "spse_version": inspected.version,
        # Of the bytes that were inspected: the host takes no others.
        "spse_package_sha256": inspected.sha256,
    }
    if signature is not None and signers is not None:
        said["spse_package_signature"] = str(signature.absolute())
        said["spse_package_signers"] = str(signers.absolute())
    signer = f", signed by {inspected.signer.name}" if inspected.signer else ""
    app.console.print(f"package    {package}, SHA-256 {inspected.sha256}{signer}")
    return Package(package.name, inspected.version, inspected.sha256), said


def read_record(
    app: App,
    kind: "Kind",
    reason: str | None,
    people: tuple[str, ...],
    change_id: str | None,
    *,
    is_begun: bool = False,
) -> tuple[dict[str, Any], str | None]:
    """What the playbook is told for the change record, and the request that this answers.

    PolicyRefused (exit code 7) for a request that somebody refused, unless it ``is_begun``: a
    server that stands half-way must come to an end.
    """
    from lpse_ops.cli.change_register import find_change, find_waiting

    if change_id is None:
        change_id = find_waiting(app, kind)
    change = find_change(app, change_id) if change_id else None
    if change is not None:
        if is_begun:
            _warn_of_refused(app, change)
        else:
            _refuse_refused(change)
        app.console.print(f"request    {change_id}")
        if reason is None and change.request is not None:
            reason = change.request.reason
    # What is not said here may stand in the inventory.
    said: dict[str, Any] = {"spse_performed_by": list(people)} if people else {}
    if (reason or "").strip():
        said["spse_reason"] = reason
    return said, change_id


def _who_refused(change: "Change") -> str | None:
    """None for a request that nobody refused."""
    request, closing = change.request, change.closing
    if closing is not None and closing.ending in ("refused", "withdrawn"):
        return f"it was closed as {closing.ending}"
    if request is not None and request.approval == "refused":
        return f"{request.approved_by} refused it"
    return None


def _refuse_refused(change: "Change") -> None:
    why = _who_refused(change)
    if why is None:
        return
    if change.closing is not None:
        hint = "record a new request: lpse-ops spse change request KIND --reason TEXT"
    else:
        hint = (
            f"once somebody has agreed to it: lpse-ops spse change amend {change.id} "
            f"--approved-by NAME; to settle it: lpse-ops spse change done {change.id} "
            "--result refused"
        )
    raise PolicyRefused(f"the request {change.id} may not be carried out: {why}", hint=hint)


def _warn_of_refused(app: App, change: "Change") -> None:
    why = _who_refused(change)
    if why is not None:
        app.console.warn(f"the request {change.id}: {why}; what was begun is gone on with")
