"""Findings that a site accepts for a while: ``.lpse-ops-ignore.yml`` beside the inventory.

    - rule: same-address
      file: hosts.yml           # optional; as seen from the folder of this file
      host: db-2                # optional; a host or group
      reason: both names are one machine until the move
      until: 2027-03-31

Reason and date are required.  What is expired, or accepts nothing, is a finding itself.
"""

import os
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from lpse_ops.errors import InventoryError, PlaybookError
from lpse_ops.finding import Finding
from lpse_ops.inventory.nearness import nearest
from lpse_ops.inventory.places import Places
from lpse_ops.inventory.seen import Fault
from lpse_ops.marked import Map, Origin, Seq, origin_of
from lpse_ops.markedyaml import load_marked

FILE_NAME = ".lpse-ops-ignore.yml"
_KEYS = ("rule", "file", "host", "reason", "until")
_TEXTS = ("rule", "file", "host", "reason")
_ONE_EACH = "write an entry for each rule, file or host"
_REQUIRED = ("rule", "reason", "until")
_EXAMPLE = "write rule, reason and until, e.g. until: 2027-03-31"


@dataclass(frozen=True)
class Accepted:
    """One entry; ``file`` is a path from where we stand, or empty for all files."""

    rule: str
    file: str
    host: str
    until: date
    origin: Origin
    until_at: Origin

    def covers(self, finding: Finding) -> bool:
        is_file = not self.file or os.path.abspath(self.file) == os.path.abspath(
            finding.origin.file
        )
        return self.rule == finding.rule and is_file and self.host in ("", finding.subject)


def load_accepted(path: Path) -> list[Accepted]:
    """Read one file; InventoryError, with the place, where an entry is not what it should be."""
    places = Places()

    def refuse_duplicate(message: str) -> None:
        raise InventoryError(message, hint="remove one of the two")

    try:
        entries = load_marked(path, warn=refuse_duplicate, note=places.note)
    except PlaybookError as error:
        raise InventoryError(error.message, hint=error.hint) from error
    if entries is None:
        return []
    if not isinstance(entries, Seq):
        raise InventoryError(f"{origin_of(entries) or path}: this is no list", hint=_EXAMPLE)
    return [_read_entry(each, path, places) for each in entries]


def _read_entry(entry: Any, path: Path, places: Places) -> Accepted:
    place = origin_of(entry) or Origin(str(path))
    if not isinstance(entry, Map):
        raise InventoryError(f"{place}: an entry is a mapping", hint=_EXAMPLE)
    for key in entry:
        if key not in _KEYS:
            near = nearest(str(key), _KEYS)
            raise InventoryError(
                f"{places.of_key(entry, key) or place}: there is no key {str(key)!r} here",
                hint=f"did you mean {near!r}?" if near else f"keys: {', '.join(_KEYS)}",
            )
    for key in _TEXTS:
        if not isinstance(entry.get(key, ""), str | None):
            at = places.of_value(entry, key) or place
            raise InventoryError(f"{at}: {key!r} is no text", hint=_ONE_EACH)
    for key in _REQUIRED:
        if not str(entry.get(key) or "").strip():
            raise InventoryError(f"{place}: the entry has no {key!r}", hint=_EXAMPLE)
    until_at = places.of_value(entry, "until") or place
    named = str(entry.get("file") or "")
    return Accepted(
        rule=str(entry["rule"]),
        file=os.path.normpath(path.parent / named) if named else "",
        host=str(entry.get("host") or ""),
        until=_read_date(entry["until"], until_at),
        origin=place,
        until_at=until_at,
    )


def _read_date(value: Any, place: Origin) -> date:
    if isinstance(value, datetime):
        return value.date()
    try:
        return value if isinstance(value, date) else date.fromisoformat(str(value))
    except ValueError as error:
        raise InventoryError(
            f"{place}: {str(value)!r} is no date", hint="write YEAR-MONTH-DAY: 2027-03-31"
        ) from error


def accept(
    findings: Sequence[Finding],
    accepted: Sequence[Accepted],
    today: date,
    rules: Collection[str],
) -> tuple[list[Finding], list[tuple[str, Fault]]]:
    """The findings that stay, and what is wrong with the entries themselves, by rule.

    An entry for a rule that was not looked at is left alone.
    """
    asked = [each for each in accepted if each.rule in rules]
    valid = [each for each in asked if each.until >= today]
    kept = [finding for finding in findings if not any(each.covers(finding) for each in valid)]
    return kept, list(_remarks(asked, findings, today))


def _remarks(
    accepted: Iterable[Accepted], findings: Sequence[Finding], today: date
) -> Iterator[tuple[str, Fault]]:
    for each in accepted:
        if not any(each.covers(finding) for finding in findings):
            yield (
                "ignore-unused",
                Fault(each.origin, f"nothing that {each.rule} finds is here", "remove the entry"),
            )
        elif each.until < today:
            problem = f"{each.rule} was accepted until {each.until}, which is over"
            hint = "mend what it is about, or decide anew until when it is accepted"
            yield "ignore-expired", Fault(each.until_at, problem, hint)


def unknown_rules(accepted: Iterable[Accepted], rules: Collection[str]) -> None:
    """InventoryError for an entry about a rule that there is not."""
    for each in accepted:
        if each.rule not in rules:
            near = nearest(each.rule, rules)
            raise InventoryError(
                f"{each.origin}: there is no rule {each.rule!r}",
                hint=f"did you mean {near!r}?" if near else "see inventory validate --list-rules",
            )
