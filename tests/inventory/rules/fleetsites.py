"""Small inventories of SPSE servers, and what one rule says of them."""

import importlib
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from lpse_ops.inventory.look import Beside, look
from lpse_ops.inventory.seen import Fault, Seen
from lpse_ops.marked import Origin

TODAY = date(2026, 11, 21)
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJYmTi9f2Mf8TbZyvO2GYjVPuPyXzTTUtQcq4aHPwXnC"
# The first variable of the only server stands in line 6, its value in column 11 and a name's
# length.
SERVER = "all:\n  children:\n    spse:\n      hosts:\n        spse-1:\n"


def see(folder: Path, files: Mapping[str, str], **beside) -> Seen:
    """Everything in some files; the inventory is the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8", errors="surrogateescape")
    return look([str(folder)], Beside(TODAY, **beside))


def faults(rule: str, seen: Seen) -> list[Fault]:
    module = importlib.import_module(f"lpse_ops.inventory.rules.{rule.replace('-', '_')}")
    return sorted(module.check(seen), key=lambda fault: (fault.origin, fault.message))


def place(origin: Origin) -> str:
    return f"{Path(origin.file).name}:{origin.line}:{origin.column}"


def places(rule: str, folder: Path, files: Mapping[str, str], **beside) -> list[str]:
    """File, line and column of every fault."""
    return [place(each.origin) for each in faults(rule, see(folder, files, **beside))]


def of_server(rule: str, folder: Path, variables: str, **beside) -> list[str]:
    """The same for one server with some variables, one in a line: line:column message."""
    lines = "".join(f"          {line}\n" for line in variables.splitlines())
    found = faults(rule, see(folder, {"hosts.yml": SERVER + lines}, **beside))
    return [f"{each.origin.line}:{each.origin.column} {each.message}" for each in found]
