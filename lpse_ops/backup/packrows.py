"""Which rows of a ``BlobIndex`` belong to which pack: nearly always one run of them.

Packs have numbers, in the order in which they were first named.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence


class PackRows:
    """``ids`` holds the 32 raw bytes of each pack by its number: to be read, not written."""

    def __init__(self) -> None:
        self.ids: list[bytes] = []
        self._numbers: dict[bytes, int] = {}
        self._first_row = array("I")
        self._row_count = array("I")
        # What was said of a pack later, and lies elsewhere.
        self._later_rows: dict[int, list[int]] = {}

    def knows_any(self, pack_ids: Iterable[bytes]) -> bool:
        return not self._numbers.keys().isdisjoint(pack_ids)

    def number_of(self, pack_id: bytes) -> int:
        """The pack's number; one that was never named gets the next."""
        number = self._numbers.setdefault(pack_id, len(self.ids))
        if number == len(self.ids):
            self.ids.append(pack_id)
            self._first_row.append(0)
            self._row_count.append(0)
        return number

    def give_run(self, number: int, first: int, count: int) -> None:
        """All rows of a pack that has none."""
        self._first_row[number] = first
        self._row_count[number] = count

    def give_row(self, number: int, row: int) -> None:
        """One row more."""
        count = self._row_count[number]
        if not count:
            self.give_run(number, row, 1)
        elif row == self._first_row[number] + count:
            self._row_count[number] += 1
        else:
            self._later_rows.setdefault(number, []).append(row)

    def rows_of(self, pack_id: bytes) -> Sequence[int]:
        """In no order of their own; nearly always a ``range``.  ``KeyError`` if never named."""
        return self._rows(self._numbers[pack_id])

    def __iter__(self) -> Iterator[tuple[bytes, Sequence[int]]]:
        for number, pack_id in enumerate(self.ids):
            yield pack_id, self._rows(number)

    def _rows(self, number: int) -> Sequence[int]:
        first = self._first_row[number]
        rows = range(first, first + self._row_count[number])
        later = self._later_rows.get(number)
        return [*rows, *later] if later else rows
