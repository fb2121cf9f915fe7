"""The templates among the values of an inventory, and the variables that each of them needs."""

from collections.abc import Iterator
from typing import Any

from lpse_ops.marked import Origin, Text, every_text
from lpse_ops.templating.embedded import is_template
from lpse_ops.templating.markers import Source
from lpse_ops.templating.names import NameReader
from lpse_ops.templating.place import find_word, place_in_scalar

_NOWHERE = Origin("inventory")


class Templates:
    """Reads each template once."""

    def __init__(self) -> None:
        self._names = NameReader()

    def texts_in(self, value: Any) -> Iterator[Text]:
        """The templates in a value; most values are short texts without any."""
        if isinstance(value, str):
            if isinstance(value, Text) and is_template(value):
                yield value
        elif isinstance(value, dict | list):
            yield from (text for text in every_text(value) if is_template(text))

    def needed(self, text: Text) -> list[str]:
        """Names that have to be there."""
        names = self._names.template(text)
        return sorted(name for name in names.needed if name not in names.asked)

    def named(self, text: Text) -> frozenset[str]:
        """All names that are asked for, also where they may be undefined."""
        return self._names.template(text).every()

    def place(self, text: Text, name: str) -> Origin:
        """Where a name stands in the file of a template."""
        if text.origin is None:
            return _NOWHERE
        line = self._names.template(text).needed.get(name, 0)
        offset = find_word(Source(text, text.origin), name, line, is_member=False)
        return place_in_scalar(text.origin, text, offset)
