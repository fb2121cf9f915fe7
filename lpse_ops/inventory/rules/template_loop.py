"""Variables of an inventory that need each other: none of them can ever be worked out.

`a: "{{ b }}"` with `b: "{{ a }}"`, or `path: "{{ path }}:/opt/bin"`: a task that uses one of them
fails with a recursive loop.  Give one of them another name, or a value of its own.
"""

from collections.abc import Collection, Iterator, Mapping

from lpse_ops.inventory.seen import Cell, Fault, Seen
from lpse_ops.inventory.templatesof import Templates
from lpse_ops.marked import Text

SEVERITY = "error"
Needs = Mapping[str, Mapping[str, Text]]


def check(seen: Seen) -> Iterator[Fault]:
    templates = Templates()
    told: set[frozenset[tuple[str, str]]] = set()
    looked_at: set[frozenset[tuple[str, str, object]]] = set()
    for values in seen.effective.values():
        cells = {name: cell for name, cell in values.items() if any(_texts(cell, templates))}
        key = frozenset((name, cell.owner, cell.value_at) for name, cell in cells.items())
        # Most hosts have the same templates from the same groups.
        if key in looked_at:
            continue
        looked_at.add(key)
        needs = {name: _needs(cell, templates) for name, cell in cells.items()}
        for loop in find_loops(needs):
            members = frozenset((name, cells[name].owner) for name in loop)
            if members not in told:
                told.add(members)
                yield _fault(loop, cells, needs, templates)


def _texts(cell: Cell, templates: Templates) -> Iterator[Text]:
    return templates.texts_in(cell.value)


def _needs(cell: Cell, templates: Templates) -> dict[str, Text]:
    """The names in a value, each with the template that asks for it."""
    return {
        name: text for text in _texts(cell, templates) for name in sorted(templates.named(text))
    }


def find_loops(needs: Mapping[str, Collection[str]]) -> Iterator[list[str]]:
    """The shortest circle of each name that no other circle has told of yet."""
    # Neither what ends somewhere nor what nothing on a circle needs is on one itself.
    left = _turned(_without_ends(_turned(_without_ends(needs))))
    told: set[str] = set()
    for start in sorted(left):
        loop = _way_back(start, left) if start not in told else []
        told.update(loop)
        if loop:
            yield loop


def _without_ends(needs: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """Only names whose needs never end: those on a circle, and those that lead to one."""
    left = {name: sorted(each for each in needs[name] if each in needs) for name in needs}
    open_needs = {name: len(each) for name, each in left.items()}
    needed_by = _turned(left)
    ends = [name for name, count in open_needs.items() if not count]
    while ends:
        end = ends.pop()
        del left[end]
        for name in needed_by[end]:
            open_needs[name] -= 1
            if not open_needs[name]:
                ends.append(name)
    return left


def _turned(needs: Mapping[str, Collection[str]]) -> dict[str, list[str]]:
    """The same the other way round: what each name is needed by."""
    turned: dict[str, list[str]] = {name: [] for name in needs}
    for name, inner in needs.items():
        for each in inner:
            if each in turned:
                turned[each].append(name)
    return turned


def _way_back(start: str, needs: Mapping[str, list[str]]) -> list[str]:
    """The shortest way from a name to itself, or nothing."""
    came_from: dict[str, str] = {}
    level = [start]
    while level:
        found = [(name, each) for name in level for each in needs[name] if each in needs]
        level = []
        for name, each in found:
            if each == start:
                return _way(start, name, came_from)
            if each not in came_from:
                came_from[each] = name
                level.append(each)
    return []


def _way(start: str, end: str, came_from: Mapping[str, str]) -> list[str]:
    way = [end]
    while way[-1] != start:
        way.append(came_from[way[-1]])
    return way[::-1]


def _fault(loop: list[str], cells: Mapping[str, Cell], needs: Needs, templates: Templates) -> Fault:
    first, second = loop[0], loop[1 % len(loop)]
    place = templates.place(needs[first][second], second)
    chain = " -> ".join([*loop, first])
    if len(loop) == 1:
        message, hint = f"{first} needs itself", f"give the value that {first} extends another name"
    else:
        message, hint = f"these variables need each other: {chain}", "give one a value of its own"
    return Fault(place, message, hint, cells[first].owner)
