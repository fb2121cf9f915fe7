"""What runs the roles in tests tells what happened."""

import pytest

from tests.roles.running import ENGINES, RoleRunner

pytestmark = pytest.mark.xdist_group("roles")

TASKS = [
    {
        "name": "A file",
        "ansible.builtin.copy": {"content": "1\n", "dest": "/srv/x", "mode": "0644"},
    },
    {"name": "No end", "ansible.builtin.fail": {"msg": "as asked"}},
]


@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_run_says_is_understood(roles: RoleRunner, engine: str):
    roles.host.run("rm", "-f", "/srv/x")
    ran = roles.run(engine=engine, tasks=TASKS)
    assert (ran.status, ran.changed, ran.failed) == (2, ["A file"], ["No end"]), ran.text
    assert (ran.recap["ok"], ran.recap["changed"], ran.recap["failed"]) == (2, 1, 1)
