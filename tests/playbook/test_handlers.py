"""Which handlers a notification reaches."""

from pathlib import Path

import pytest

from lpse_ops.playbook.handlers import HandlerSearch, add_handlers
from lpse_ops.playbook.variables import Variables
from lpse_ops.templating.engine import Templating
from tests.playbook.loading import load

TREE = {
    "site.yml": """
- hosts: all
  roles: [{role: web}]
  tasks: [{command: id}]
  handlers:
    - {name: one, command: first}
    - {name: one, command: second}
    - {name: heard, listen: topic, command: third}
    - {name: heard, listen: topic, command: fourth}
    - {listen: topic, command: fifth}
    - {name: "with {{ known }}", command: sixth}
    - {name: "with {{ nowhere }}", command: seventh}
    - {name: "over {{ nowhere }}", listen: quiet, command: eighth}
""",
    "roles/web/handlers/main.yml": """
- {name: reload, command: ninth}
- {name: one, command: tenth}
- {name: web listener, listen: topic of web, command: eleventh}
""",
    "roles/web/tasks/main.yml": "- command: id\n",
}


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        # The play's own are searched first, and in one list the first counts.
        ("one", ["first"]),
        ("web : one", ["tenth"]),
        ("reload", ["ninth"]),
        ("web : reload", ["ninth"]),
        # Of those of one name that listen there is one.
        ("topic", ["third", "fifth"]),
        ("web : topic of web", ["eleventh"]),
        ("topic of web", ["eleventh"]),
        ("with value", ["sixth"]),
        ("quiet", ["eighth"]),
        ("nobody", []),
    ],
)
def test_who_answers(tmp_path: Path, wanted: str, found: list[str]):
    play = load(tmp_path, TREE, roles_path=(tmp_path / "roles",)).plays[0]
    search = HandlerSearch(play, Templating(), lambda _message: None)
    answering = search.find(wanted, Variables([{"known": "value"}]))
    assert [str(each.args["_raw_params"]) for each in answering] == found


def test_a_name_that_cannot_be_known_is_told_of(tmp_path: Path):
    play = load(tmp_path, TREE, roles_path=(tmp_path / "roles",)).plays[0]
    told: list[str] = []
    HandlerSearch(play, Templating(), told.append).find("nobody", Variables([{"known": "v"}]))
    (message,) = told
    assert message.startswith("Handler 'with {{ nowhere }}' is unusable")
    assert "'nowhere' is undefined" in message


def test_handlers_of_the_same_use_of_a_role_are_there_once(tmp_path: Path):
    plays = [load(tmp_path, TREE, roles_path=(tmp_path / "roles",)).plays[0] for _ in range(2)]
    before = len(plays[0].handlers)
    add_handlers(plays[0], [each for each in plays[1].handlers if each.role is not None])
    assert len(plays[0].handlers) == before
    add_handlers(plays[0], [each for each in plays[1].handlers if each.role is None])
    assert len(plays[0].handlers) == before + 1
