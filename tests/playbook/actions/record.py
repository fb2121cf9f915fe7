"""Writes down what ansible-playbook does with the cases, or with those named: run it with -m."""

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.agent.sidebyside import run_plays
from tests.playbook.actions.cases import CASES


def record(file: Path, names: Sequence[str]) -> None:
    cases = [case for case in CASES if not names or case.name in names]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        done = run_plays(cases, Path(folder) / "real")
    old = json.loads(file.read_text()) if file.exists() else {}
    new = {name: [each.results, each.trees] for name, each in done.items()}
    kept = {case.name: new.get(case.name, old.get(case.name)) for case in CASES}
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    record(Path(__file__).with_name("golden") / "results.json", sys.argv[1:])
