"""The site's ``application.conf`` and a new default: who changed what, and a file to propose.

Three files: the default of the old release, that of the new one, and the site's.  Where only the
package changed a value, the new one is taken; all else stays as the site has it, in the site's
file, with its comments and its order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lpse_ops.spse.configuration import Configuration, Item, join_items
from lpse_ops.spse.configurationsecrets import show_value

Change = Literal["package", "site", "both", "conflict"]


@dataclass(frozen=True)
class Difference:
    """One key that is not the same in all three; None where a file has it not.

    ``package``: only the package changed it, and the proposal follows; ``site``: only the site
    did, and keeps it; ``both``: to the same value; ``conflict``: to two values, and the proposal
    keeps the site's until somebody decides.  The values may be secrets: print ``shown()``.
    """

    key: str
    change: Change
    old: str | None
    new: str | None
    site: str | None

    @property
    def proposed(self) -> str | None:
        return self.new if self.change == "package" else self.site

    def shown(self) -> dict[str, str | None]:
        """For people and logs: secrets are masked, in all three if one looks like a secret."""
        values = {"old": self.old, "new": self.new, "site": self.site}
        shown = {name: show_value(self.key, value) for name, value in values.items()}
        if any(shown[name] != value for name, value in values.items()):
            mask = next(shown[name] for name, value in values.items() if shown[name] != value)
            shown = {name: None if value is None else mask for name, value in values.items()}
        return {"key": self.key, "change": self.change, **shown}

    def __repr__(self) -> str:
        return f"Difference({self.shown()})"


def compare_configurations(
    old: Configuration | None, new: Configuration, site: Configuration
) -> list[Difference]:
    """All differences, by key.  Without ``old`` what differs is a conflict, as nobody knows."""
    olds: Mapping[str, str] = old.values if old else {}
    found = []
    for key in sorted(olds.keys() | new.values.keys() | site.values.keys()):
        values = (olds.get(key), new.values.get(key), site.values.get(key))
        change = judge(*values)
        if change is not None:
            found.append(Difference(key, change, *values))
    return found


def judge(old: str | None, new: str | None, site: str | None) -> Change | None:
    """Who changed a value; None when nobody did."""
    if new == site:
        return None if old == new else "both"
    if old == new:
        return "site"
    return "package" if old == site else "conflict"


def propose_configuration(
    old: Configuration | None,
    new: Configuration,
    site: Configuration,
    *,
    keep_removed: bool = False,
) -> Configuration:
    """The site's file with what only the package changed: all of its other bytes stay.

    New keys come with the comment above them, behind the key that they follow in the default.
    ``keep_removed``: what the package has no more stays, too.
    """
    ours = [each for each in compare_configurations(old, new, site) if each.change == "package"]
    ours = [each for each in ours if each.new is not None or not keep_removed]
    removed = {each.key for each in ours if each.new is None}
    changed = {each.key for each in ours if each.new is not None and each.site is not None}
    added = {each.key for each in ours if each.site is None}
    defaults = {each.key: each for each in new.items if each.key is not None}
    items = _replaced([each for each in site.items if each.key not in removed], changed, defaults)
    before = None
    for key, block in _blocks(new):
        if key in added:
            at = _place_behind(before, items)
            items[at:at] = block
        before = key
    return join_items(items, site.newline) if ours else site


def _replaced(items: list[Item], changed: set[str], defaults: Mapping[str, Item]) -> list[Item]:
    """The last of a key that is there twice is the one that counts."""
    last = {each.key: number for number, each in enumerate(items) if each.key in changed}
    return [
        defaults[each.key] if each.key is not None and last.get(each.key) == number else each
        for number, each in enumerate(items)
    ]


def _blocks(configuration: Configuration) -> list[tuple[str, list[Item]]]:
    """Each key of a file once, where it counts, with the lines directly above it."""
    last = {each.key: number for number, each in enumerate(configuration.items)}
    blocks = []
    above: list[Item] = []
    for number, item in enumerate(configuration.items):
        if item.key is None:
            above = [*above, item] if item.raw.strip() else []
            continue
        if last[item.key] == number:
            blocks.append((item.key, [*above, item]))
        above = []
    return blocks


def _place_behind(key: str | None, items: list[Item]) -> int:
    places = [number for number, each in enumerate(items) if key is not None and each.key == key]
    return places[-1] + 1 if places else len(items)
