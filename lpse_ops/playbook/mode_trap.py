"""What a finding of ``lint`` is, and the one trap that every run warns of: ``mode: 644``."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from lpse_ops.marked import Origin, key_origin
from lpse_ops.playbook.literals import written_number
from lpse_ops.playbook.model import Task

MODES = ("mode", "directory_mode")


class Finding(NamedTuple):
    """One thing worth a look: ``rule`` is its short name, ``advice`` what to write instead."""

    origin: Origin | None
    rule: str
    message: str
    advice: str


def mode_without_zero(task: Task) -> Iterator[Finding]:
    """``mode: 644`` is read as a decimal number and sets 01204."""
    for name in MODES:
        value = task.args.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            continue
        origin = key_origin(task.args, name)
        written = written_number(origin, name)
        if written and not written.startswith("0") and re.fullmatch(r"[0-7]{3,4}", written):
            yield Finding(
                origin,
                "mode-number",
                f"{name}: {written} is a decimal number and means {value:#o}".replace("0o", "0"),
                f'write {name}: "0{written}"',
            )
