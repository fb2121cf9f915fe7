"""Writes down what ansible-playbook tells of the plays in check mode, which takes it a minute."""

import json
import tempfile
from pathlib import Path
from typing import Any

from lpse_ops.postgres.installation import choose_for_server, find_installations
from tests.lab.accounts import OPERATOR
from tests.lab.lab import Lab, open_lab
from tests.playbook.onmachines import more
from tests.playbook.onmachines.runs import (
    ACCOUNTS,
    GOLDEN,
    PLAYS,
    comparable,
    prepare,
    run_theirs,
    write_inventory,
)
from tests.postgres.servers import open_server

_WORD = "lpse_recorded"


def record_first(lab: Lab, folder: Path) -> list[list[Any]]:
    [host] = lab.up("recorded")
    prepare(host)
    inventory = write_inventory(folder, host, OPERATOR.name, ACCOUNTS[OPERATOR.name])
    run = run_theirs(PLAYS, inventory, "--check", "--diff")
    return comparable(run.told, host, inventory)


def record_more(lab: Lab, folder: Path) -> list[list[Any]]:
    [host] = lab.up("recorded-more")
    with open_server(choose_for_server(find_installations())) as server:
        more.prepare_more(host, server, _WORD)
        variables = {**ACCOUNTS[OPERATOR.name], "awalan": _WORD}
        inventory = write_inventory(folder, host, OPERATOR.name, variables)
        with more.socket_in(host, server):
            run = run_theirs(more.PLAYS, inventory, "--check", "--diff")
    told = comparable(run.told, host, inventory, _WORD)
    return more.without_known_differences(told, in_check_mode=True)


def write_down(golden: Path, told: list[list[Any]]) -> None:
    golden.parent.mkdir(exist_ok=True)
    golden.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch, open_lab() as lab:
        write_down(GOLDEN, record_first(lab, Path(scratch)))
        write_down(more.GOLDEN, record_more(lab, Path(scratch)))
