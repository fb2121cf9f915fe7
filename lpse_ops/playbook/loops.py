"""What a task loops over, and the variables that each item of it brings."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lpse_ops.playbook.results import Result

# The name of an item, unless the loop gives it another.
ITEM = "item"


@dataclass(frozen=True)
class Items:
    """What a task loops over, and the names it has for them."""

    values: list[Any]
    variable: str = ITEM
    index_variable: str = ""
    extended: bool = False
    all_items: bool = True
    label: Any = None
    pause_seconds: float = 0.0
    break_when: Any = None

    def layers(self) -> Iterator[Result]:
        """The loop variables of each item in turn."""
        count = len(self.values)
        for number, value in enumerate(self.values):
            layer = {self.variable: value, "ansible_loop_var": self.variable}
            if self.index_variable:
                layer |= {self.index_variable: number, "ansible_index_var": self.index_variable}
            if self.extended:
                layer["ansible_loop"] = self._extended(number, count)
            yield layer

    def _extended(self, number: int, count: int) -> Result:
        loop: Result = {
            "index": number + 1,
            "index0": number,
            "first": number == 0,
            "last": number + 1 == count,
            "length": count,
            "revindex": count - number,
            "revindex0": count - number - 1,
        }
        if self.all_items:
            loop["allitems"] = self.values
        if number:
            loop["previtem"] = self.values[number - 1]
        if number + 1 < count:
            loop["nextitem"] = self.values[number + 1]
        return loop
