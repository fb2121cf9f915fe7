"""Values that a person gives for ``application.conf``, and how a property is written."""

from collections.abc import Mapping

from lpse_ops.spse.configuration import Configuration, Item, join_items

# A key that is given no value is taken out.
Values = Mapping[str, str | None]
_ESCAPES = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f"}
_IN_KEY = {**_ESCAPES, " ": "\\ ", "=": "\\=", ":": "\\:", "#": "\\#", "!": "\\!"}


def parse_values(value: object) -> dict[str, str | None]:
    """Read what a JSON or YAML file says; ``ValueError`` names the key, never the value."""
    if not isinstance(value, dict):
        raise ValueError('it is no list of keys with values, such as {"http.port": "9090"}')
    return {_read_key(key): _read_value(key, each) for key, each in value.items()}


def _read_key(key: object) -> str:
    if not isinstance(key, str) or not key or not key.isprintable():
        raise ValueError("a key in it is no text in one line")
    return key


def _read_value(key: str, value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | None):
        text = None if value is None else str(value)
        if text is None or "\0" not in text:
            return text
    raise ValueError(f"the value of {key!r} is no text; put it into quotation marks")


def set_values(configuration: Configuration, values: Values) -> Configuration:
    """The same file with these values, each where its key stands, new ones at the end."""
    wanted = {key: value for key, value in values.items() if configuration.values.get(key) != value}
    if not wanted:
        return configuration
    last = {each.key: number for number, each in enumerate(configuration.items)}
    items: list[Item] = []
    for number, each in enumerate(configuration.items):
        if each.key is None or each.key not in wanted:
            items.append(each)
            continue
        value = wanted[each.key]
        # Of a key that is there twice, the last counts; of one that goes, none stays.
        if value is None:
            continue
        items.append(_item(each.key, value) if last[each.key] == number else each)
    items += [
        _item(key, value)
        for key, value in sorted(wanted.items())
        if value is not None and key not in last
    ]
    return join_items(items, configuration.newline)


def _item(key: str, value: str) -> Item:
    return Item(render_property(key, value), 0, key, value)


def render_property(key: str, value: str) -> str:
    """``key=value`` as ``java.util.Properties`` reads it back."""
    text = "".join(_ESCAPES.get(letter, letter) for letter in value)
    # White space before a value is not of it.
    text = f"\\{text}" if text.startswith(" ") else text
    return f"{''.join(_IN_KEY.get(letter, letter) for letter in key)}={text}"
