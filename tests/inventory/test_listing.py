from lpse_ops.inventory.inventory import load_inventory
from lpse_ops.inventory.listing import View, nest_inventory
from tests.inventory.judges import write_site


def test_a_group_below_two_others_is_written_out_once(tmp_path):
    write_site(tmp_path, {"hosts": "[a:children]\nc\n[b:children]\nc\n[c]\nh x=1\n"})
    inventory = load_inventory(
        [str(tmp_path / "hosts")], playbook_folder=None, vault=None, warn=print
    )
    nested = nest_inventory(View(inventory, lambda _key, value: value), inventory.match("all"))
    assert nested == {
        "all": {
            "children": {
                "a": {"children": {"c": {"hosts": {"h": {"x": 1}}}}},
                "b": {"children": {"c": {}}},
            }
        }
    }
