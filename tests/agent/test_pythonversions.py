"""Versions and requirements of Python beside the library that pip itself uses."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from lpse_ops.agent.pipnames import join_names, parse_package, with_version
from lpse_ops.agent.pythonversions import canonical_name, fits, parse_requirement, parse_version

NUMBERS = st.integers(0, 3)
RELEASES = st.lists(NUMBERS, min_size=1, max_size=3).map(lambda each: ".".join(map(str, each)))
PARTS = {
    "epoch": ["", "", "1!"],
    "pre": ["", "", "a1", "b2", "rc1", ".alpha3", "-c2", "_preview"],
    "post": ["", "", ".post1", "-2", "rev3", ".r"],
    "dev": ["", "", ".dev1", "dev2"],
}
PLAIN = st.tuples(
    st.sampled_from(PARTS["epoch"]),
    RELEASES,
    *(st.sampled_from(PARTS[name]) for name in ("pre", "post", "dev")),
).map("".join)
LOCAL = st.tuples(PLAIN, st.sampled_from(["", "", "+1", "+a.2", "+2.1"])).map("".join)


@given(LOCAL, LOCAL)
def test_order(first, second):
    own = [parse_version(each).key() for each in (first, second)]
    real = [Version(each) for each in (first, second)]
    assert (own[0] < own[1], own[0] == own[1]) == (real[0] < real[1], real[0] == real[1])


@given(LOCAL, st.sampled_from([">=", "<=", ">", "<", "==", "!="]), PLAIN)
@example("1.0rc1", "<", "1.0")
@example("1.0.post1", ">", "1.0")
@example("1.0+a", "==", "1.0")
def test_one_clause(version, operator, wanted):
    expected = SpecifierSet(operator + wanted).contains(version, prereleases=True)
    assert fits(version, [(operator, wanted)]) is expected


@given(LOCAL, PLAIN.filter(lambda each: "." in each.partition("!")[2] or "." in each))
@example("1.4.9", "1.4.5a4")
@example("2.3", "2.2.post3")
def test_compatible_releases(version, wanted):
    if len(Version(wanted).release) > 1:
        expected = SpecifierSet(f"~={wanted}").contains(version, prereleases=True)
        assert fits(version, [("~=", wanted)]) is expected


@given(LOCAL, st.sampled_from(["==", "!="]), RELEASES)
def test_prefixes(version, operator, wanted):
    expected = SpecifierSet(f"{operator}{wanted}.*").contains(version, prereleases=True)
    assert fits(version, [(operator, f"{wanted}.*")]) is expected


def test_what_is_no_version():
    assert parse_version("1.0-x!") is None
    assert fits("2004d", [("===", "2004d")])
    assert not fits("2004d", [(">", "1")])
    assert not fits("1", [("==", "x")])


@pytest.mark.parametrize(
    ("text", "name", "shown"),
    [
        ("Django", "Django", "Django"),
        ("django >= 1.0 , < 2", "django", "django<2,>=1.0"),
        ("a.b-c[x, y]==1.*", "a.b-c", "a.b-c[x,y]==1.*"),
        ("a (>1)", "a", "a>1"),
    ],
)
def test_requirements(text, name, shown):
    requirement = parse_requirement(text)
    assert (requirement.name, str(requirement)) == (name, shown)


@pytest.mark.parametrize(
    "text", ["/x/a.whl", "./a", "a @ https://x/a", "git+https://x/a", "a; os_name == 'x'", "a>"]
)
def test_what_is_for_pip_alone_to_read(text):
    assert parse_requirement(text) is None
    assert str(parse_package(text)) == text
    assert not parse_package(text).is_in([("a", "1")])


@pytest.mark.parametrize(
    ("names", "joined"),
    [
        (["a>1", "<2", "b"], ["a>1,<2", "b"]),
        (["a>1,<2,b"], ["a>1,<2", "b"]),
        (["a[x", "y]==1", "c"], ["a[x,y]==1", "c"]),
        (["a"], ["a"]),
    ],
)
def test_names_are_put_together_again(names, joined):
    assert join_names(names) == joined


@pytest.mark.parametrize(("version", "shown"), [("1.0", "a==1.0"), (">=1,<2", "a<2,>=1")])
def test_the_version_of_a_package(version, shown):
    assert str(with_version(parse_package("a"), version)) == shown


def test_names_are_equal_however_they_are_written():
    assert canonical_name("A__b.-C") == "a-b-c"
    assert parse_package("A_b>=1").is_in([("a-B", "1.0")])
