"""Java on a real machine: installed once, found where it is, never a second one."""

import pytest

from tests.roles.running import RoleRunner

pytestmark = pytest.mark.xdist_group("roles")

SAID = "JAVA_HOME is {}, Java 17."
PACKAGED = "/usr/lib/jvm/java-17-openjdk-amd64"


def test_java_is_installed_once_and_found(roles: RoleRunner):
    ran = roles.prove("java")
    assert SAID.format(PACKAGED) in ran.text
    # There is one: no other is installed, whichever would have been.
    ran = roles.run("java", variables={"java_package": "no-such-package"})
    assert (ran.status, ran.changed) == (0, [])


def test_a_java_that_somebody_put_there_is_taken(roles: RoleRunner):
    roles.host.run("sh", "-c", f"ln -sfn {PACKAGED} /usr/local/src/jdk")
    ran = roles.run("java", variables={"java_home": "/usr/local/src/jdk"})
    assert ran.status == 0, ran.text
    # As LKPP's scripts name it: a link that is turned to a newer one stays in force.
    assert SAID.format("/usr/local/src/jdk") in ran.text


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"java_home": "/usr/local/src/none"}, "Correct java_home"),
        ({"java_minimum": 99}, "set java_package to a newer one"),
    ],
)
def test_no_java_that_would_do(roles: RoleRunner, variables: dict[str, object], told: str):
    ran = roles.run("java", variables=variables)
    assert (ran.status, ran.changed) == (2, []), ran.text
    assert told in ran.text
