"""The schemas for editors, the documentation and the rules all come from one table."""

from importlib.resources import files

import jsonschema
import pytest
import yaml

from lpse_ops.inventory.fleetvariables import NAMES, VARIABLES
from lpse_ops.inventory.schemas import SCHEMAS, inventory_schema, render_schema, variables_schema
from lpse_ops.inventory.validate import load_rules
from tests.inventory.rules.fleetsites import faults, see

SITE = files("lpse_ops.cli") / "site"
SHIPPED = files("lpse_ops") / "shipped"
# Examples are addresses for examples, which are no addresses of a real server.
EXAMPLES = {
    "spse_public_address: 203.0.113.10": "spse_public_address: 36.37.64.10",
    "lkpp_addresses: [198.51.100.0/28]": "lkpp_addresses: [103.55.160.0/28]",
}
every_variable = pytest.mark.parametrize("variable", VARIABLES, ids=lambda each: each.name)


def load(text: str) -> object:
    """As editors do: dates are texts."""
    return yaml.load(text, Loader=yaml.BaseLoader) if "until" in text else yaml.safe_load(text)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_files_of_a_site_are_the_schemas(name):
    assert (SITE / "schemas" / f"{name}.schema.json").read_text() == render_schema(name)
    jsonschema.Draft7Validator.check_schema(SCHEMAS[name]())


@every_variable
def test_every_variable_is_documented_with_its_example_and_rules(variable):
    text = (SHIPPED / "inventory/README.md").read_text()
    section = text.partition(f"### `{variable.name}`\n")[2].partition("\n### ")[0]
    assert variable.meaning in section
    assert f"```yaml\n{variable.example}\n```" in section
    assert all(f"`{rule}`" in section for rule in variable.rules)
    assert set(variable.rules) <= load_rules().keys()


def test_the_documentation_names_no_other_variable():
    text = (SHIPPED / "inventory/README.md").read_text()
    assert {line[5:-1] for line in text.splitlines() if line.startswith("### ")} == NAMES


@every_variable
def test_every_example_fits_the_schema_and_its_rules(variable, tmp_path):
    example = EXAMPLES.get(variable.example, variable.example)
    jsonschema.validate(load(example), variables_schema())
    seen = see(tmp_path, {"hosts.ini": "[spse]\nspse-1\n", "group_vars/spse.yml": f"{example}\n"})
    assert [each for rule in variable.rules for each in faults(rule, seen)] == []


WRONG = [
    "spse_public_address: spse.go.id",
    "spse_domain: https://x",
    "ssh_port: '22'",
    "ssh_port: 0",
    "lkpp_addresses: 1.2.3.4",
    "lkpp_addresses: []",
    "ups: 3",
    "warranty_until: 31-12-2029",
    "time_zone: WITA",
    "backup_destinations: [{kept_at: x}]",
]


@pytest.mark.parametrize("variable", WRONG)
def test_what_is_wrong_in_one_file_is_shown_by_editors(variable):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(load(variable), variables_schema())
    name, _, value = variable.partition(": ")
    host = {"spse": {"hosts": {"a": {name: load(value)}}}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"all": {"children": host}}, inventory_schema())
    other = {"web": {"hosts": {"a": {name: load(value)}}}}
    jsonschema.validate({"all": {"children": other}}, inventory_schema())


@pytest.mark.parametrize(
    "text",
    [
        "all: {hosts: 10.0.0.10 10.0.0.20}",
        "all: {hosts: [a, b]}",
        "all: {host: {a: }}",
        "all: {children: {spse: {hosts: a}}}",
        "all: [a]",
        "[]",
        "{}",
    ],
)
def test_an_inventory_of_the_wrong_shape_is_shown_by_editors(text):
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(yaml.safe_load(text), inventory_schema())


def test_a_template_may_stand_anywhere():
    jsonschema.validate(dict.fromkeys(NAMES, "{{ something }}"), variables_schema())
