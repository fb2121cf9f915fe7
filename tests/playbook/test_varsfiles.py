"""``vars_files``: names that depend on the host, and what is not there."""

from pathlib import Path

import pytest

from lpse_ops.errors import PlaybookError
from lpse_ops.markedyaml import load_marked
from lpse_ops.playbook.variables import Variables
from lpse_ops.playbook.varsfiles import VarsFiles
from lpse_ops.templating.engine import Templating
from tests.playbook.loading import load

FILES = {
    "one.yml": "a: 1\nb: 1\n",
    "vars/two.yml": "a: 2\n",
    "Debian.yml": "a: debian\n",
    "empty.yml": "",
    "list.yml": "[1]\n",
}


def layers(folder: Path, written: str, **variables) -> list[dict[str, object]]:
    play = load(folder, {**FILES, "site.yml": f"- {{hosts: all, vars_files: {written}}}\n"})
    read: list[Path] = []

    def load_yaml(path: Path) -> object:
        read.append(path)
        return load_marked(path, warn=pytest.fail)

    files = VarsFiles(play.plays[0], load_yaml, Templating())
    found = files.layers(Variables([variables]))
    assert files.layers(Variables([variables])) == found
    # Each file once, however often it is asked for.
    assert len(read) == len(set(read))
    return [dict(each) for each in found]


@pytest.mark.parametrize(
    ("written", "variables", "found"),
    [
        ("[one.yml, two.yml]", {}, [{"a": 2}, {"a": 1, "b": 1}]),
        ("[[none.yml, two.yml, one.yml]]", {}, [{"a": 2}]),
        ("['{{ os }}.yml']", {"os": "Debian"}, [{"a": "debian"}]),
        ("['{{ os }}.yml']", {}, [{}]),
        ("['{{ os }}.yml', one.yml]", {"os": "None"}, [{"a": 1, "b": 1}, {}]),
        ("[['{{ os }}.yml', one.yml]]", {}, [{"a": 1, "b": 1}]),
        ("empty.yml", {}, [{}]),
    ],
)
def test_the_first_file_that_is_there_counts(tmp_path, written, variables, found):
    assert layers(tmp_path, written, **variables) == found


@pytest.mark.parametrize(
    ("written", "message"),
    [("[none.yml]", "vars file none.yml was not found"), ("[list.yml]", "has to hold variables")],
)
def test_what_cannot_be_read_is_an_error(tmp_path, written, message):
    with pytest.raises(PlaybookError, match=message) as raised:
        layers(tmp_path, written)
    assert raised.value.hint


def test_the_loader_takes_what_it_can_know_before_there_is_a_host(tmp_path):
    """For names of files that are imported."""
    files = {
        **FILES,
        "debian.yml": "- {ping: }\n",
        "site.yml": """
- hosts: all
  vars_files: ["{{ nothing_like_it }}.yml", "{{ 5 }}", [none.yml, list.yml], Debian.yml]
  tasks: [{import_tasks: "{{ a }}.yml"}]
""",
    }
    assert load(tmp_path, files).plays[0].tasks
