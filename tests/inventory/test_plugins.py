"""Inventory plugins: what they refuse; what they make is compared with Ansible's elsewhere."""

import pytest

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.inventory import load_inventory
from lpse_ops.inventory.plugins import Plugins
from lpse_ops.templating.engine import Templating
from tests.inventory.judges import write_site


def load(folder, text, *, extra=None):
    write_site(folder, {"1.ini": "h x=1 s=a-b\n", "2.yml": text})
    plugins = Plugins(Templating, extra or {})
    sources = [str(folder / "1.ini"), str(folder / "2.yml")]
    return load_inventory(
        sources, playbook_folder=None, vault=None, warn=pytest.fail, plugins=plugins
    )


CONSTRUCTED = "plugin: ansible.builtin.constructed\n"
STRICT = CONSTRUCTED + "strict: true\n"
GENERATOR = "plugin: generator\n"


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        (CONSTRUCTED + "compse: {}\n", "2:1", "there is no option 'compse' here"),
        (CONSTRUCTED + "compose: [1]\n", "2:10", "compose has to be a mapping"),
        (CONSTRUCTED + "keyed_groups: {}\n", "2:15", "keyed_groups has to be a list"),
        (CONSTRUCTED + "keyed_groups: [x]\n", "2:16", "each entry of keyed_groups has to be"),
        (CONSTRUCTED + "keyed_groups: [{kee: x}]\n", "2:17", "there is no option 'kee' here"),
        (CONSTRUCTED + "strict: maybe\n", "2:1", "strict has to be true or false"),
        (CONSTRUCTED + "keyed_groups: [{key: x}]\n", "2:16", "cannot be named after int values"),
        (
            CONSTRUCTED + "keyed_groups: [{key: s, default_value: a, trailing_separator: true}]\n",
            "2:16",
            "default_value and trailing_separator exclude each other",
        ),
        (STRICT + "compose: {v: nope + 1}\n", "3:11", "Could not set v for host h: "),
        (STRICT + "compose: {v: 5}\n", "3:11", "Could not set v for host h: 5 is no expression"),
        (STRICT + "groups: {g: nope}\n", "3:13", "Could not add host h to group g: "),
        (STRICT + "groups: {g: [x]}\n", "3:13", "Could not add host h to group g: a condition is"),
        (STRICT + "keyed_groups: [{key: nope}]\n", "3:22", "Could not generate group for host h"),
        (STRICT + "keyed_groups: [{key: '\"\"'}]\n", "3:16", "No key or key resulted empty for"),
        (GENERATOR + "layers: {a: 1}\n", "2:10", "the layer 'a' is no list"),
        (GENERATOR + "layers: {a: [1]}\nhosts: {name: }\n", "3:8", "the hosts have no name"),
        (
            GENERATOR + "layers: {a: [1]}\nhosts: {name: n, parents: [{}]}\n",
            "3:28",
            "Element n has a parent with no name.",
        ),
        (
            GENERATOR + f"layers: {{a: {list(range(400))}, b: {list(range(400))}}}\n"
            "hosts: {name: '{{ a }}-{{ b }}'}\n",
            "2:9",
            "more than",
        ),
        ("plugin: amazon.aws.aws_ec2\n", "1:9", "inventory plugins such as 'amazon.aws.aws_ec2'"),
    ],
)
def test_what_cannot_be_is_an_error_with_its_place(tmp_path, text, place, problem):
    with pytest.raises(InventoryError) as raised:
        load(tmp_path, text)
    where, _, what = raised.value.message.partition(": ")
    assert (where, problem in what) == (f"{tmp_path}/2.yml:{place}", True), what
    assert raised.value.hint


def test_what_cannot_be_evaluated_is_left_out_unless_strict(tmp_path):
    text = "compose: {v: nope, w: x + 1}\ngroups: {g: nope, k: x == 1}\nkeyed_groups: [{key: nope}]"
    inventory = load(tmp_path, CONSTRUCTED + text)
    variables = inventory.variables("h")
    assert ("v" in variables, variables["w"]) == (False, 2)
    assert inventory.group_names("h") == ["k"]


def test_extra_variables_count_where_that_is_asked_for(tmp_path):
    text = CONSTRUCTED + "compose: {v: x}\nkeyed_groups: [{key: s}]\n"
    extra = {"x": 5, "s": "of-command-line"}
    assert load(tmp_path, text, extra=extra).variables("h")["v"] == 1
    inventory = load(tmp_path, text + "use_extra_vars: true\n", extra=extra)
    assert inventory.variables("h")["v"] == 5
    assert inventory.group_names("h") == ["_of_command_line"]


def test_a_value_that_was_composed_is_no_template(tmp_path):
    inventory = load(tmp_path, CONSTRUCTED + "compose: {v: \"'{' ~ '{ x }' ~ '}'\"}\n")
    value = inventory.variables("h")["v"]
    assert (type(value), value) == (str, "{{ x }}")


def test_plugins_are_asked_again_when_the_inventory_is_read_again(tmp_path):
    inventory = load(tmp_path, CONSTRUCTED + "groups: {g: x == 1}\n")
    assert inventory.group_names("h") == ["g"]
    (tmp_path / "1.ini").write_text("h x=2\n")
    inventory.refresh()
    assert inventory.group_names("h") == ["ungrouped"]


def test_without_plugins_the_file_is_refused(tmp_path):
    write_site(tmp_path, {"x.yml": CONSTRUCTED})
    with pytest.raises(InventoryError, match="are not supported"):
        load_inventory([str(tmp_path / "x.yml")], playbook_folder=None, vault=None, warn=print)
