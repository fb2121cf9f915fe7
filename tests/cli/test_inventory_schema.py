import json

import pytest
from click.testing import CliRunner

from lpse_ops.cli.inventory_schema import command
from lpse_ops.cli.wiring import App
from lpse_ops.inventory.schemas import SCHEMAS, render_schema


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_schema_is_shown(name):
    shown = CliRunner().invoke(command, [name], obj=App(), standalone_mode=False)
    assert shown.stdout == render_schema(name)


def test_hosts_are_the_default_and_a_file_may_be_written(tmp_path):
    path = tmp_path / "s.json"
    CliRunner().invoke(command, ["--output", str(path)], obj=App(), standalone_mode=False)
    assert json.loads(path.read_text())["title"] == "Inventory"
