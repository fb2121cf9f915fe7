"""What stands in a paper beside the facts: letterhead, people, number, ledger, legal basis."""

import difflib
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from lpse_ops.cli.settings import Person, Settings
from lpse_ops.cli.settings_papers import LegalBasis, PapersSettings
from lpse_ops.documents.images import LARGEST_LOGO_BYTES, check_logo
from lpse_ops.documents.values import Letterhead, Signatory
from lpse_ops.errors import PaperError, UsageError

MOST_PEOPLE = 4
# What all LPSE have signed; rules of one region are for its own settings.
COMMON_BASIS = (
    LegalBasis(
        "Service Level Agreement antara LKPP dan LPSE, katalog layanan 15.a (backup basis data "
        "dan dokumen pada server LPSE paling sedikit 1 (satu) kali dalam 1 (satu) hari)"
    ),
)


def choose_basis(papers: PapersSettings, day: date) -> tuple[str, ...]:
    """Return the rules that hold on the day of the paper."""
    basis = COMMON_BASIS if papers.legal_basis is None else papers.legal_basis
    return tuple(rule.text for rule in basis if rule.holds_on(day))


def load_letterhead(settings: Settings) -> Letterhead:
    papers = settings.papers
    logo = None if papers.logo is None else _load_logo(papers.logo)
    return Letterhead(papers.letterhead or (settings.site.name,), papers.address, logo)


def _load_logo(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_LOGO_BYTES + 1)
    except OSError as error:
        raise PaperError(
            f"cannot read the logo {path}: {error.strerror}",
            hint="correct papers.logo in lpse-ops.yml, or take it out",
        ) from error
    check_logo(content)
    return content


def find_signatories(
    people: Sequence[Person], carried_out_by: Sequence[str], witnesses: Sequence[str]
) -> tuple[tuple[Signatory, ...], tuple[Signatory, ...]]:
    """Return who carried out and who witnessed; UsageError when that is nobody, or not clear."""
    if not people:
        raise UsageError(
            "nobody can sign: the settings name no people",
            hint="write who works at the LPSE under people in lpse-ops.yml",
        )
    if not carried_out_by and len(people) > 1:
        raise UsageError("who carried the drill out?", hint=f"add --by NAME: {_names(people)}")
    doers = [_find(people, name) for name in carried_out_by] or [people[0]]
    seers = [_find(people, name) for name in witnesses]
    if len({person.name for person in [*doers, *seers]}) < len(doers) + len(seers):
        raise UsageError("nobody signs twice", hint="name everybody once, by --by or by --witness")
    if len(doers) + len(seers) > MOST_PEOPLE:
        raise UsageError(
            f"more than {MOST_PEOPLE} people do not fit on the page",
            hint="name fewer with --by and --witness",
        )
    return tuple(map(_signatory, doers)), tuple(map(_signatory, seers))


def _find(people: Sequence[Person], name: str) -> Person:
    wanted = name.strip().casefold()
    found = [person for person in people if person.name.casefold() == wanted]
    # A first name is enough where only one person has it.
    found = found or [person for person in people if wanted in person.name.casefold().split()]
    if len(found) == 1:
        return found[0]
    near = difflib.get_close_matches(name, [person.name for person in people], n=1, cutoff=0.4)
    raise UsageError(
        f"{name!r} is {'more than one' if found else 'none'} of people in the settings",
        hint=f"did you mean {near[0]!r}?" if near else f"known: {_names(people)}",
    )


def _names(people: Iterable[Person]) -> str:
    return ", ".join(person.name for person in people)


def _signatory(person: Person) -> Signatory:
    return Signatory(person.name, person.role, person.nip)
