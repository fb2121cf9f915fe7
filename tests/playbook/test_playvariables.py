"""What is seen changes at once with what it is made of, however much of it is kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.inventory.inventory import Inventory, load_inventory
from lpse_ops.markedyaml import load_marked
from lpse_ops.playbook.hosts import HostState
from lpse_ops.playbook.imports import load_included_role
from lpse_ops.playbook.model import Play, Task, every_task
from lpse_ops.playbook.playvariables import PlayVariables
from lpse_ops.templating.engine import Templating
from tests.playbook.loading import load, make_context, write_tree

HOSTS = "[web]\na n=host\nb\n[db]\nc\n"
ROLE = {
    "roles/r/defaults/main.yml": "d: role\nn: role\n",
    "roles/r/vars/main.yml": "v: role\n",
    "roles/r/tasks/main.yml": "- debug:\n- include_tasks: more.yml\n",
    "roles/r/tasks/sub/more.yml": "- debug:\n",
}


class Site:
    """A play of a folder, and its variables."""

    def __init__(self, folder: Path, play: str, **options: Any) -> None:
        write_tree(folder, {"hosts": HOSTS, **ROLE})
        self.folder = folder
        self.inventory: Inventory = load_inventory(
            [str(folder / "hosts")], playbook_folder=folder, vault=None, warn=print
        )
        (self.play,) = load(folder, play).plays
        self.states: dict[str, HostState] = {}
        self.variables = PlayVariables(
            self.play, inventory=self.inventory, templating=Templating(),
            load_yaml=lambda path: load_marked(path, warn=print), state_of=self.state,
            **{"run": {"ansible_forks": 5}, "extra": {}, **options},
        )  # fmt: skip
        self.variables.begin("the play", ["a", "b"])
        self.variables.begin_batch(["a", "b"])

    def state(self, name: str) -> HostState:
        return self.states.setdefault(name, HostState(name))

    def tasks(self) -> list[Task]:
        sections = self.play.sections()
        return [task for section in sections for task in every_task(section) if not task.implicit]

    def seen(self, name: str = "a", task: Task | None = None) -> Mapping[str, Any]:
        return self.variables.of(task, self.state(name))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, "- hosts: all\n  vars: {p: play}\n  tasks:\n    - debug:\n")


def test_what_a_host_learns_is_seen_at_once(site: Site):
    before, state = site.seen(), site.state("a")
    state.assigned["n"] = "assigned"
    state.included["i"] = "included"
    state.learn({"ansible_os": "linux"})
    seen = site.seen()
    assert [seen[name] for name in ("n", "i", "ansible_os", "p")] == [
        "assigned", "included", "linux", "play",
    ]  # fmt: skip
    assert seen["ansible_facts"] == {"os": "linux"}
    assert before["ansible_facts"] is seen["ansible_facts"]
    state.clear_facts()
    assert "ansible_os" not in site.seen()
    assert site.seen()["ansible_facts"] == {}


def test_hosts_do_not_see_what_others_learn(site: Site):
    site.seen("b")
    site.state("a").assigned["x"] = 1
    assert "x" not in site.seen("b")
    assert site.seen("b")["inventory_hostname"] == "b"
    assert site.seen("b")["hostvars"]["a"]["x"] == 1


def test_others_see_of_a_host_nothing_of_the_play(tmp_path: Path):
    site = Site(
        tmp_path,
        "- hosts: all\n  vars: {p: play, n: play}\n  roles: [r]\n  tasks: []\n",
        extra={"e": "extra"},
    )
    site.state("a").learn({"f": "fact"})
    others = site.seen("b")["hostvars"]["a"]
    assert site.seen()["n"] == "play"
    assert [others[name] for name in ("n", "e", "f")] == ["host", "extra", "fact"]
    assert others["playbook_dir"] == str(tmp_path)
    for name in ("p", "d", "v", "hostvars", "ansible_play_hosts", "role_names"):
        assert name in site.seen()
        assert name not in others


def test_a_host_that_is_added_is_in_the_groups(site: Site):
    assert site.seen()["groups"]["web"] == ["a", "b"]
    site.inventory.add_host("new", groups=["web"], variables={"n": "added"})
    seen = site.seen()
    assert seen["groups"]["web"] == ["a", "b", "new"]
    assert seen["hostvars"]["new"]["n"] == "added"
    assert site.seen("new")["group_names"] == ["web"]


def test_a_host_that_gets_a_group_sees_it(site: Site):
    assert site.seen()["group_names"] == ["web"]
    site.inventory.group_by("a", "made")
    assert site.seen()["group_names"] == ["made", "web"]
    site.inventory.add_host("a", variables={"n": "again"})
    assert site.seen()["n"] == "again"


def test_an_inventory_that_is_read_again_is_seen(site: Site):
    assert site.seen()["n"] == "host"
    (site.folder / "hosts").write_text(HOSTS.replace("n=host", "n=new") + "[more]\na\n")
    site.inventory.refresh()
    assert site.seen()["n"] == "new"
    assert site.seen()["group_names"] == ["more", "web"]


def test_group_vars_beside_another_playbook_are_seen(site: Site):
    write_tree(site.folder, {"other/group_vars/web.yml": "g: other\n"})
    assert "g" not in site.seen()
    site.inventory.use_playbook_folder(site.folder / "other")
    assert site.seen()["g"] == "other"


def test_hosts_that_leave_are_no_longer_in_the_play(site: Site):
    assert site.seen()["ansible_play_hosts"] == ["a", "b"]
    site.state("a").failed = True
    site.variables.hosts_changed()
    seen = site.seen("b")
    assert seen["ansible_play_hosts"] == seen["play_hosts"] == ["b"]
    assert seen["ansible_play_batch"] == ["b"]
    assert seen["ansible_play_hosts_all"] == ["a", "b"]
    site.state("a").failed = False
    site.variables.begin_batch(["a"])
    assert site.seen()["ansible_play_batch"] == site.seen()["play_hosts"] == ["a"]
    assert site.seen()["ansible_play_hosts"] == ["a", "b"]


def test_a_template_cannot_change_what_others_see(site: Site):
    for name in ("ansible_play_hosts", "group_names", "ansible_search_path", "role_names"):
        added = f"{{% set _ = {name}.append('x') %}}{{{{ {name} }}}}"
        templating = Templating()
        text = load_text(site, added)
        assert "x" in templating.evaluate(text, site.seen())
        assert "x" not in templating.evaluate(load_text(site, f"{{{{ {name} }}}}"), site.seen())


def load_text(site: Site, text: str) -> Any:
    path = site.folder / "text.yml"
    path.write_text(f'- "{text}"\n')
    return load_marked(path, warn=print)[0]


def test_what_people_answer_is_seen_from_then_on(site: Site):
    assert site.seen()["p"] == "play"
    site.variables.add_prompted({"p": "said"})
    assert site.seen()["p"] == "said"
    assert site.seen()["ansible_play_name"] == site.variables.play_name == "the play"
    assert site.seen()["ansible_forks"] == 5


def test_a_task_of_a_role_sees_its_role(tmp_path: Path):
    site = Site(
        tmp_path,
        "- hosts: all\n  roles: [{role: r, q: given}]\n  tasks:\n    - debug:\n",
    )
    in_role, _, outside = site.tasks()
    seen = site.seen(task=in_role)
    assert (seen["role_name"], seen["q"], seen["v"], seen["d"]) == ("r", "given", "role", "role")
    assert seen["n"] == "host"
    folders = [str(tmp_path / each) for each in ("roles/r", "roles/r/tasks", ".")]
    assert list(seen["ansible_search_path"]) == [str(Path(each)) for each in folders]
    seen = site.seen(task=outside)
    assert "role_name" not in seen
    assert "q" not in seen
    assert (seen["v"], seen["role_names"]) == ("role", ["r"])
    assert list(seen["ansible_search_path"]) == [str(tmp_path), str(tmp_path)]


def test_a_role_that_is_included_for_all_is_seen_by_tasks_that_ran_before(tmp_path: Path):
    site = Site(
        tmp_path,
        "- hosts: all\n  tasks:\n    - debug:\n    - include_role: {name: r, public: true}\n",
    )
    first, include = site.tasks()
    assert "d" not in site.seen(task=first)
    assert site.seen()["role_names"] == []
    loaded = load_included_role(
        include, include.args, site.play, make_context(), variables={}, number=1
    )
    site.play.roles.extend(loaded.roles)
    seen = site.seen(task=first)
    assert (seen["d"], seen["v"], seen["role_names"]) == ("role", "role", ["r"])
    (inner, _) = (task for task in every_task(loaded.nodes) if not task.implicit)
    assert site.seen(task=inner)["role_name"] == "r"


def test_the_vars_of_a_block_are_seen_within_it_alone(tmp_path: Path):
    site = Site(
        tmp_path,
        "- hosts: all\n  tasks:\n    - vars: {x: block, y: block}\n      block:\n"
        "        - debug:\n          vars: {x: task}\n    - debug:\n",
    )
    inner, outside = site.tasks()
    assert [site.seen(task=inner)[name] for name in "xy"] == ["task", "block"]
    assert "y" not in site.seen(task=outside)


FILES = "- hosts: all\n  vars: {{m: {{p: 1}}, which: one}}\n  vars_files: ['{0}']\n  tasks: []\n"


def test_vars_files_are_stronger_than_the_plays_own(tmp_path: Path):
    write_tree(tmp_path, {"vars/one.yml": "which: file\n"})
    assert Site(tmp_path, FILES.format("one.yml")).seen()["which"] == "file"


def test_vars_files_may_depend_on_what_a_host_has_learned(tmp_path: Path):
    write_tree(tmp_path, {"vars/one.yml": "x: 1\n", "vars/two.yml": "x: 2\n"})
    site = Site(tmp_path, FILES.format("{{ which }}.yml"))
    assert site.seen()["x"] == 1
    site.state("a").assigned["which"] = "two"
    assert (site.seen("a")["x"], site.seen("b")["x"]) == (2, 1)


MERGED = """
- hosts: all
  vars: {m: {play: 1, all: play, deep: {play: 1}}}
  vars_files: [f.yml]
  roles: [{role: r, m: {param: 1, all: param}}]
  tasks:
    - vars: {m: {block: 1, all: block}}
      block:
        - debug:
          vars: {m: {task: 1, all: task}}
"""


@pytest.mark.parametrize("merge_hashes", [True, False])
def test_mappings_of_one_name_are_merged_if_that_is_asked_for(
    tmp_path: Path, *, merge_hashes: bool
):
    write_tree(tmp_path, {"vars/f.yml": "m: {file: 1, all: file, deep: {file: 1}}\n"})
    site = Site(tmp_path, MERGED, extra={"m": {"extra": 1}}, merge_hashes=merge_hashes)
    in_role, _, in_block = site.tasks()
    state = site.state("a")
    state.included["m"] = {"included": 1}
    state.learn({"m": {"fact": 1}})
    assert site.seen(task=in_role)["m"] == {"extra": 1} | (
        {
            **dict.fromkeys(("play", "file", "param", "included", "fact"), 1),
            "deep": {"play": 1, "file": 1},
            "all": "param",
        }
        if merge_hashes
        else {}
    )
    # What an inner place says replaces what an outer one does, as in Ansible.
    seen = site.seen(task=in_block)["m"]
    assert ("task" in seen, "block" in seen) == (merge_hashes, False)


def test_what_a_loop_says_is_not_merged(tmp_path: Path):
    site = Site(tmp_path, "- hosts: all\n  vars: {m: {p: 1}}\n", merge_hashes=True)
    assert site.variables.of(None, site.state("a")).above({"m": {"x": 1}})["m"] == {"x": 1}


def test_plays_are_evaluated_without_a_host(tmp_path: Path):
    site = Site(
        tmp_path, "- hosts: all\n  name: '{{ groups.web | length }} {{ p }}'\n  vars: {p: 1}\n"
    )
    play: Play = site.play
    assert site.variables.evaluate(play.name) == "2 1"
    assert site.variables.evaluate(None) is None
