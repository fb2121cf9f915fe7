"""Writes down what ansible-playbook tells of the plays in check mode, which takes it a minute."""

import json
import tempfile
from pathlib import Path

from tests.lab.accounts import OPERATOR
from tests.lab.lab import open_lab
from tests.playbook.onmachines.runs import (
    ACCOUNTS,
    GOLDEN,
    PLAYS,
    comparable,
    prepare,
    run_theirs,
    write_inventory,
)


def record(folder: Path) -> None:
    with open_lab() as lab:
        [host] = lab.up("recorded")
        prepare(host)
        inventory = write_inventory(folder, host, OPERATOR.name, ACCOUNTS[OPERATOR.name])
        run = run_theirs(PLAYS, inventory, "--check", "--diff")
        told = comparable(run.told, host, inventory)
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        record(Path(scratch))
