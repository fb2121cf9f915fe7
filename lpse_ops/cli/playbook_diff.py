"""Differences as people read them: unified, three lines around, as Ansible shows them."""

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any


def render_diff(diff: Any) -> Iterator[str]:
    """The text of each difference in a result's ``diff``."""
    for each in diff if isinstance(diff, list) else [diff]:
        if isinstance(each, Mapping):
            yield "".join(_lines(each))


def _lines(diff: Mapping[str, Any]) -> Iterator[str]:
    for key, text in (
        ("dst_binary", "diff skipped: destination file appears to be binary\n"),
        ("src_binary", "diff skipped: source file appears to be binary\n"),
    ):
        if diff.get(key):
            yield text
    for key in ("dst_larger", "src_larger"):
        if diff.get(key):
            which = "destination" if key.startswith("dst") else "source"
            yield f"diff skipped: {which} file size is greater than {diff[key]}\n"
    if "before" in diff and "after" in diff:
        before, after = _text(diff["before"]), _text(diff["after"])
        names = [str(diff.get(f"{side}_header") or side) for side in ("before", "after")]
        names = [
            name if name == side else f"{side}: {name}"
            for name, side in zip(names, ("before", "after"), strict=True)
        ]
        changed = list(
            difflib.unified_diff(
                before.splitlines(keepends=True),
                after.splitlines(keepends=True),
                names[0],
                names[1],
            )
        )
        for line in changed:
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        if changed:
            yield "\n"
    if diff.get("prepared"):
        text = str(diff["prepared"])
        yield text if text.endswith("\n") else text + "\n"


def _text(side: Any) -> str:
    if isinstance(side, str):
        return side
    return json.dumps(side, sort_keys=True, indent=4, ensure_ascii=False) + "\n"
