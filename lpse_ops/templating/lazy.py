"""Containers whose templates are resolved when they are looked at, each at most once.

``LazyDict`` and ``LazyList`` are real dicts and lists, so filters and Jinja need not know.  They
overwrite what they hold with what it resolves to.  Only ``Text``, ``Map``, ``Seq`` and ``Sealed``
are pending; everything else is a plain value already, whatever it looks like.
"""

from collections.abc import Callable, Iterator
from typing import Any

from lpse_ops.marked import Map, Sealed, Seq, Text
from lpse_ops.templating.markers import Marker, MarkerUsed

PENDING = frozenset({Text, Map, Seq, Sealed})


def _defined(value: Any) -> Any:
    if isinstance(value, Marker):
        raise MarkerUsed(value)
    return value


Resolve = Callable[[Any], Any]


class LazyDict(dict[Any, Any]):
    """A dict of variables; ``resolve`` turns a pending value into a plain or lazy one."""

    __slots__ = ("_resolve",)

    def __init__(self, source: dict[Any, Any], resolve: Resolve) -> None:
        super().__init__(source)
        self._resolve = resolve

    def __getitem__(self, key: Any) -> Any:
        value = super().__getitem__(key)
        if type(value) in PENDING:
            value = self._resolve(value)
            super().__setitem__(key, value)
        return value

    # Overriding this one keeps the C code of dict(x) and {**x} from reading past __getitem__.
    def __iter__(self) -> Iterator[Any]:
        return super().__iter__()

    def _all(self) -> dict[Any, Any]:
        return {key: self[key] for key in self}

    def get(self, key: Any, default: Any = None) -> Any:
        return self[key] if key in self else default  # noqa: SIM401

    def items(self) -> Any:
        return {key: _defined(self[key]) for key in self}.items()

    def values(self) -> Any:
        return self._all().values()

    def pop(self, key: Any, *default: Any) -> Any:
        if key in self:
            self[key]
        return super().pop(key, *default)

    def popitem(self) -> tuple[Any, Any]:
        key, value = super().popitem()
        return key, self._resolve(value) if type(value) in PENDING else value

    def setdefault(self, key: Any, default: Any = None) -> Any:
        super().setdefault(key, default)
        return self[key]

    def copy(self) -> dict[Any, Any]:
        return self._all()

    def __eq__(self, other: object) -> bool:
        return self is other or self._all() == other

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def __or__(self, other: Any) -> Any:
        return self._all() | other

    def __ror__(self, other: Any) -> Any:
        return other | self._all()

    def __repr__(self) -> str:
        return repr(self._all())


class LazyList(list[Any]):
    """A list of variables; whatever reads more than one item resolves them all."""

    __slots__ = ("_resolve",)

    def __init__(self, source: list[Any], resolve: Resolve) -> None:
        super().__init__(source)
        self._resolve = resolve

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._all()[index]
        value = super().__getitem__(index)
        if type(value) in PENDING:
            value = self._resolve(value)
            super().__setitem__(index, value)
        return value

    def __iter__(self) -> Iterator[Any]:
        return map(self.__getitem__, range(len(self)))

    def __reversed__(self) -> Iterator[Any]:
        return iter(self._all_defined()[::-1])

    def _all(self) -> list[Any]:
        return [self[index] for index in range(len(self))]

    def _all_defined(self) -> list[Any]:
        return [_defined(each) for each in self._all()]

    def __contains__(self, value: object) -> bool:
        return any(each is value or each == value for each in self)

    def index(self, *arguments: Any) -> int:
        return self._all_defined().index(*arguments)

    def count(self, value: Any) -> int:
        return self._all_defined().count(value)

    def copy(self) -> list[Any]:
        return self._all()

    def pop(self, *index: Any) -> Any:
        self._all()
        return super().pop(*index)

    def remove(self, value: Any) -> None:
        self._all_defined()
        super().remove(value)

    def sort(self, **options: Any) -> None:
        self._all_defined()
        super().sort(**options)

    def __add__(self, other: Any) -> Any:
        return self._all_defined() + other

    def __radd__(self, other: Any) -> Any:
        return other + self._all_defined()

    def __mul__(self, times: Any) -> Any:
        return self._all() * times

    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        return self is other or self._all() == other

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None

    def __lt__(self, other: list[Any]) -> bool:
        return self._all() < other

    def __le__(self, other: list[Any]) -> bool:
        return self._all() <= other

    def __gt__(self, other: list[Any]) -> bool:
        return self._all() > other

    def __ge__(self, other: list[Any]) -> bool:
        return self._all() >= other

    def __repr__(self) -> str:
        return repr(self._all())
