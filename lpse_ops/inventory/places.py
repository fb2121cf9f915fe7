"""Where keys and values of one file were written, also those that do not know it themselves."""

from typing import Any

from lpse_ops.marked import Map, Origin, key_origin, origin_of


class Places:
    """Filled by ``note`` while a file is read; a key that knows its place leads to its value."""

    def __init__(self) -> None:
        self._values: dict[Origin, Origin] = {}
        self._odd_keys: dict[tuple[int, Any], Origin] = {}
        # So that no other mapping can take the identity of one that is gone.
        self._kept: list[Map] = []

    def note(self, mapping: Map | None, key: Any, key_at: Origin, value_at: Origin) -> None:
        self._values[key_at] = value_at
        if mapping is not None and not isinstance(key, str):
            self._odd_keys[id(mapping), key] = key_at
            self._kept.append(mapping)

    def of_key(self, mapping: Map, key: Any) -> Origin | None:
        """Where a key of a mapping stands."""
        found = origin_of(key) or self._odd_keys.get((id(mapping), key))
        return found or (key_origin(mapping, key) if isinstance(key, str) else None)

    def of_value(self, mapping: Map, key: Any) -> Origin | None:
        """Where the value of a key stands."""
        at = self.of_key(mapping, key)
        return self.behind(at) if at else None

    def behind(self, key_at: Origin) -> Origin:
        """Where the value of the key at a place stands; the key's own place if that is unknown."""
        return self._values.get(key_at, key_at)
