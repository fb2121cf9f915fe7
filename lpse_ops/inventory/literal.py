"""Values in INI inventories: a Python literal where it reads as one, the text itself otherwise.

So ``5`` is a number, ``True`` a truth value and ``[1, 2]`` a list, while ``yes`` stays a string.
"""

import ast
import warnings
from typing import Any

from lpse_ops.marked import Map, Origin, Seq, Text

# Longer ones are no numbers or lists that a person wrote; the parser takes its time with them.
MAX_LENGTH = 100_000


def read_literal(text: str, origin: Origin) -> Any:
    """Return the value that a text stands for, as Ansible reads it."""
    if len(text) > MAX_LENGTH:
        return Text(text, origin)
    try:
        with warnings.catch_warnings():
            # A wrong escape in a string is not for the eyes of a person who writes inventories.
            warnings.simplefilter("ignore")
            value = ast.literal_eval(text)
        return mark(value, origin)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return Text(text, origin)


def mark(value: Any, origin: Origin) -> Any:
    """Give a value from a program or a literal its place; every string in it becomes a ``Text``."""
    if isinstance(value, str):
        return Text(value, origin)
    if isinstance(value, dict):
        entries = {mark(key, origin): mark(each, origin) for key, each in value.items()}
        return Map(entries, origin=origin)
    if isinstance(value, bytes):
        # As in Ansible: nobody meant this to be a template.
        return value.decode("utf-8", "surrogateescape")
    if isinstance(value, list | tuple | set):
        return Seq((mark(each, origin) for each in value), origin=origin)
    if value is ...:
        return Text("...", origin)
    return Text(str(value), origin) if isinstance(value, complex) else value
