"""What a new release is configured with, and what only a person can decide.

The site's file with the package's changes: where both changed a value the site's stays, a key that
the package has no more stays, too, and what somebody gave counts before all.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from lpse_ops.spse.configuration import Configuration
from lpse_ops.spse.configurationmerge import (
    Difference,
    compare_configurations,
    propose_configuration,
)
from lpse_ops.spse.configurationsecrets import show_value
from lpse_ops.spse.configurationvalues import Values, set_values

Fate = Literal["added", "changed", "conflict", "kept", "site", "both", "taken", "set"]
# Any of these names the database (domain.md b.1).
_DATABASE_KEYS = ("db", "db.url", "securedb")
_PLACEHOLDER = re.compile(
    r"<[^<>]+>|\$\{[^{}]+\}|@[A-Z_]+@|x{3,}|change[_ -]?me|ganti[_ -].*|isi[_ -].*|todo|tbd",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Told:
    """What becomes of a key; the values are fit to be shown."""

    key: str
    fate: Fate
    value: str | None
    package: str | None
    before: str | None


@dataclass(frozen=True)
class Undecided:
    """Why a proposal must not be used as it is; ``key`` is what to give a value for."""

    key: str
    why: str


@dataclass(frozen=True)
class Proposal:
    configuration: Configuration
    told: tuple[Told, ...]
    undecided: tuple[Undecided, ...]


def propose(
    old: Configuration | None,
    new: Configuration,
    site: Configuration | None,
    *,
    values: Values,
    take_new: Collection[str] = (),
) -> Proposal:
    """Propose a file; ``site`` is None for the first installation.

    ``values`` are given by a person; of the keys ``take_new`` the package's value is taken.
    """
    if site is None:
        merged, differences = new, []
    else:
        merged = propose_configuration(old, new, site, keep_removed=True)
        differences = compare_configurations(old, new, site)
    taken = {key: new.values.get(key) for key in take_new}
    merged = set_values(set_values(merged, taken), values)
    told = [_tell(each, values, taken) for each in differences]
    known = {each.key for each in differences}
    before = (site or new).values
    told += [
        _told_of_set(key, merged.values.get(key), new.values.get(key), before.get(key))
        for key in values
        if key not in known
    ]
    return Proposal(
        merged,
        tuple(sorted(told, key=lambda each: each.key)),
        tuple(_find_undecided(new, site, merged, {*values, *taken})),
    )


def _tell(difference: Difference, values: Values, taken: Values) -> Told:
    key, shown = difference.key, difference.shown()
    if key in values:
        return _told_of_set(key, values[key], difference.new, difference.site)
    fate: Fate
    value = shown["site"]
    if key in taken:
        fate, value = "taken", shown["new"]
    elif difference.change == "package" and difference.new is None:
        fate = "kept"
    elif difference.change == "package":
        fate, value = "added" if difference.site is None else "changed", shown["new"]
    else:
        fate = difference.change
    return Told(key, fate, value, shown["new"], shown["site"])


def _told_of_set(key: str, value: str | None, package: str | None, before: str | None) -> Told:
    return Told(key, "set", *(show_value(key, each) for each in (value, package, before)))


def _find_undecided(
    new: Configuration, site: Configuration | None, merged: Configuration, decided: set[str]
) -> list[Undecided]:
    found = []
    # A key that the package adds brings its own database along.
    before = (site or merged).values
    databases = [key for key in _DATABASE_KEYS if key in before]
    theirs = [key for key in _DATABASE_KEYS if key in new.values]
    if not databases:
        found.append(Undecided("db", "nothing names the database"))
    elif site is None and decided.isdisjoint(_DATABASE_KEYS):
        found.append(Undecided(databases[0], "it is the package's own database and password"))
    elif theirs and set(theirs).isdisjoint(databases) and decided.isdisjoint(_DATABASE_KEYS):
        why = f"the package names the database by {theirs[0]}, the site by {databases[0]}"
        found.append(Undecided(theirs[0], why))
    found += [
        Undecided(key, "the package has a placeholder there, and no value")
        for key, value in merged.values.items()
        if _PLACEHOLDER.fullmatch(value)
        and key not in decided
        and key not in _DATABASE_KEYS
        and (site is None or before.get(key) != value)
    ]
    return found
