"""Variables of a task on a host: layers in Ansible's order of precedence, looked at lazily.

Numbers of layers are those of engine.md 1.3; nothing is copied or merged, a name is looked up in
one layer after the other, the strongest first.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

from lpse_ops.marked import Map, origin_of


class Variables(Mapping[str, Any]):
    """Layers, the strongest first; values are as they were written, not yet templated."""

    __slots__ = ("_layers",)

    def __init__(self, layers: Iterable[Mapping[str, Any]]) -> None:
        self._layers = tuple([layer for layer in layers if layer])

    def __getitem__(self, name: str) -> Any:
        for layer in self._layers:
            if name in layer:
                return layer[name]
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        for layer in self._layers:  # noqa: SIM110 - three times as fast as any()
            if name in layer:
                return True
        return False

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for layer in reversed(self._layers) for name in layer))

    def __len__(self) -> int:
        return len({name for layer in self._layers for name in layer})

    def above(self, *layers: Mapping[str, Any]) -> "Variables":
        """The same with stronger layers, the strongest first."""
        return Variables([*layers, *self._layers])

    def among(self, names: Set[str]) -> dict[str, Any]:
        """Those of some names that there are: one look at each layer, not one for each name."""
        found: dict[str, Any] = {}
        for layer in reversed(self._layers):
            # Only a dict can look for all of them at once.
            there = layer.keys() & names if isinstance(layer, dict) else names
            found.update({name: layer[name] for name in there if name in layer})
        return found


class Blended(Mapping[str, Any]):
    """Layers as Ansible sees them with ``hash_behaviour = merge``, the strongest first.

    Mappings of one name are laid over each other, key by key; anything else takes the place of
    what is below it.
    """

    __slots__ = ("_layers",)

    def __init__(self, layers: Iterable[Mapping[str, Any]]) -> None:
        self._layers = tuple([layer for layer in layers if layer])

    def __getitem__(self, name: str) -> Any:
        found = [layer[name] for layer in reversed(self._layers) if name in layer]
        if not found:
            raise KeyError(name)
        value = found[0]
        for each in found[1:]:
            value = blend(value, each)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for layer in reversed(self._layers) for name in layer))

    def __len__(self) -> int:
        return len({name for layer in self._layers for name in layer})


def blend(below: Any, above: Any) -> Any:
    """One value laid over another: of two mappings a new one with the keys of both."""
    if not (isinstance(below, Mapping) and isinstance(above, Mapping)):
        return above
    blended = Map(below, origin=origin_of(above))
    for key, value in above.items():
        blended[key] = blend(below[key], value) if key in below else value
    return blended
