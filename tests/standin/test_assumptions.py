"""The list of assumptions: complete rows, sources that are said, names that are real."""

import re
from pathlib import Path

from tests.standin.release import RELEASES, Variant

PROJECT = Path(__file__).parents[2]
TEXT = (PROJECT / "docs/assumptions-spse.md").read_text()
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in TEXT.splitlines()
    if re.match(r"\| [A-Z]\d+ \|", line)
]


def test_no_number_is_used_twice() -> None:
    numbers = [row[0] for row in ROWS]
    assert len(set(numbers)) == len(numbers) > 60


def test_every_assumption_has_place_source_and_check() -> None:
    for number, *cells in ROWS:
        assert len(cells) == 4, number
        assert all(cells), number
        assert re.search(r"(^| )[DKP]\b|\?|^ours$", cells[2]), number


def test_files_that_are_named_are_there() -> None:
    """Those of the stand-in, and those that are named from the project's top."""
    here = Path(__file__).parent
    for number, _, place, *_ in ROWS:
        for name in re.findall(r"`([\w./*]+\.(?:py|java|sh|conf))`", place):
            assert list(here.rglob(name)) or (PROJECT / name).is_file(), f"{number}: {name}"


def test_roles_that_are_named_are_there() -> None:
    roles = {name for row in ROWS for name in re.findall(r"`(\w+)` role", row[2])}
    assert {name for name in roles if not (PROJECT / "roles" / name).is_dir()} == set()
    assert len(roles) > 5


def test_every_release_that_goes_wrong_is_described() -> None:
    for release in RELEASES:
        assert release.variant is Variant.GOOD or f"`{release.name}`" in TEXT, release.name
