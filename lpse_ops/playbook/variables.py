"""Variables of a task on a host: layers in Ansible's order of precedence, looked at lazily.

Numbers of layers are those of engine.md 1.3; nothing is copied or merged, a name is looked up in
one layer after the other, the strongest first.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


class Variables(Mapping[str, Any]):
    """Layers, the strongest first; values are as they were written, not yet templated."""

    __slots__ = ("_layers",)

    def __init__(self, layers: Sequence[Mapping[str, Any]]) -> None:
        self._layers = tuple(layer for layer in layers if layer)

    def __getitem__(self, name: str) -> Any:
        for layer in self._layers:
            if name in layer:
                return layer[name]
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return any(name in layer for layer in self._layers)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for layer in reversed(self._layers) for name in layer))

    def __len__(self) -> int:
        return len({name for layer in self._layers for name in layer})

    def above(self, *layers: Mapping[str, Any]) -> "Variables":
        """The same with stronger layers, the strongest first."""
        return Variables([*layers, *self._layers])
