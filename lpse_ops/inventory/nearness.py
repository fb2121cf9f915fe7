"""Words that were probably meant: edit distance, with two letters that changed places as one."""

from collections.abc import Iterable

# Short words are near to everything.
_SHORTEST, _LONG = 4, 12


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that differs by one letter, or two if it is long; empty where none does."""
    most = 0 if len(word) < _SHORTEST else 1 if len(word) < _LONG else 2
    found = ((distance(word, each, most), each) for each in known if each != word)
    near = min(((steps, each) for steps, each in found if steps <= most), default=(0, ""))
    return near[1]


def distance(one: str, other: str, most: int) -> int:
    """Letters to add, remove, replace or swap; more than ``most`` is told as ``most + 1``."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        after = [i]
        for j, b in enumerate(other, start=1):
            steps = min(row[j] + 1, after[j - 1] + 1, row[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                steps = min(steps, before[j - 2] + 1)
            after.append(steps)
        # A swap reaches back over one row.
        if min(*row, *after) > most:
            return most + 1
        before, row = row, after
    return min(row[-1], most + 1)
