"""How ``serial`` cuts a play's hosts into batches."""

from collections.abc import Sequence
from typing import Any

from lpse_ops.errors import PlaybookError


def cut(hosts: Sequence[str], serial: Any) -> list[list[str]]:
    """The batches; ``serial`` is a number, a percentage, or a list of them, the last repeated."""
    written = serial if isinstance(serial, list) else [serial]
    sizes = [batch_size(each, len(hosts)) for each in written] or [len(hosts)]
    batches: list[list[str]] = []
    left = list(hosts)
    while left:
        size = sizes[min(len(batches), len(sizes) - 1)] or len(left)
        batches.append(left[:size])
        left = left[size:]
    return batches


def batch_size(written: Any, count: int) -> int:
    """Hosts in a batch; 0 for all of them.  A percentage is rounded down, but never to none."""
    text = str(written if written is not None else 0).strip()
    try:
        if text.endswith("%"):
            return max(1, int(float(text[:-1]) / 100 * count))
        return max(0, int(text))
    except ValueError as error:
        raise PlaybookError(
            f"serial cannot be {text!r}", hint="write a number of hosts, or a percentage"
        ) from error


def ordered(hosts: Sequence[str], order: str, shuffled: Sequence[str]) -> list[str]:
    """``order``: inventory, reverse_inventory, sorted, reverse_sorted or shuffle."""
    if order == "shuffle":
        return list(shuffled)
    if order in ("sorted", "reverse_sorted"):
        return sorted(hosts, reverse=order == "reverse_sorted")
    return list(reversed(hosts)) if order == "reverse_inventory" else list(hosts)
