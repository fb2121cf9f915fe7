"""What is proposed for a new release, what is told of it, and what a person has to decide."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.masking import MASK
from lpse_ops.spse.configuration import parse_configuration
from lpse_ops.spse.configurationproposal import Proposal, propose
from lpse_ops.spse.configurationvalues import parse_values, render_property, set_values

OLD = b"db=postgres://epns:epns@localhost/epns_prod\npool=3\nlama=1\nurl=http://a\nport=9090\n"
NEW = b"db=postgres://epns:epns@localhost/epns_prod\npool=5\nurl=http://b\nport=9090\nbaru=ya\n"
SITE = b"# kami\ndb=postgres://epns:Rah4sia@db/epns_prod\npool=3\nlama=1\nurl=http://c\nport=9009\n"


def proposal(
    old: bytes | None = OLD, new: bytes = NEW, site: bytes | None = SITE, **options
) -> Proposal:
    return propose(
        None if old is None else parse_configuration(old),
        parse_configuration(new),
        None if site is None else parse_configuration(site),
        **({"values": {}} | options),
    )


def test_the_sites_values_win_and_all_is_told():
    found = proposal()
    assert found.configuration.render() == (
        b"# kami\ndb=postgres://epns:Rah4sia@db/epns_prod\npool=5\nlama=1\nurl=http://c\n"
        b"port=9009\nbaru=ya\n"
    )
    told = {each.key: (each.fate, each.value, each.package) for each in found.told}
    assert told == {
        "baru": ("added", "ya", "ya"),
        "db": ("site", MASK, MASK),
        "lama": ("kept", "1", None),
        "pool": ("changed", "5", "5"),
        "port": ("site", "9009", "9090"),
        "url": ("conflict", "http://c", "http://b"),
    }
    assert found.undecided == ()
    assert "Rah4sia" not in repr(found)


def test_a_person_decides():
    found = proposal(take_new=["url", "lama"], values={"port": "9191", "db": "x-Rah4sia-9"})
    values = found.configuration.values
    assert (values["url"], values["port"], "lama" in values) == ("http://b", "9191", False)
    told = {each.key: (each.fate, each.value) for each in found.told}
    assert told["url"] == ("taken", "http://b")
    assert told["port"] == ("set", "9191")
    assert told["db"] == ("set", MASK)


def test_the_first_installation_must_be_told_of_its_database():
    found = proposal(None, NEW, None)
    assert [each.key for each in found.undecided] == ["db"]
    found = proposal(None, NEW, None, values={"db": "postgres://epns:Baru1@localhost/epns_prod"})
    assert found.undecided == ()
    assert [(each.key, each.fate, each.value) for each in found.told] == [("db", "set", MASK)]


@pytest.mark.parametrize(
    ("new", "keys"),
    [
        (NEW + b"sikap.url=<alamat>\n", ["sikap.url"]),
        (NEW + b"token=CHANGE_ME\n", ["token"]),
        (NEW.replace(b"db=", b"db.url="), ["db.url"]),
        (NEW + b"kosong=\n", []),
    ],
)
def test_what_only_a_person_knows(new: bytes, keys: list[str]):
    assert [each.key for each in proposal(new=new).undecided] == keys
    given_values = dict.fromkeys(keys, "postgres://x")
    assert proposal(new=new, values=given_values).undecided == ()


def test_nothing_is_lost_of_a_site_without_a_known_default():
    found = proposal(None)
    assert found.configuration.values["pool"] == "3"
    assert {each.key for each in found.told if each.fate == "conflict"} >= {"pool", "url", "db"}


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@given(TEXTS.filter(bool), TEXTS)
def test_a_property_is_read_back_as_it_was_written(key: str, value: str):
    written = parse_configuration(render_property(key, value).encode())
    assert written.values == {key: value}


@given(st.dictionaries(st.sampled_from(["a", "b", "c d", "e"]), st.none() | TEXTS))
def test_values_are_set_and_no_other_is_changed(values):
    before = parse_configuration(b"a=1\n# x\nb=2\na=3\nz=\\\n  9")
    after = parse_configuration(set_values(before, values).render())
    expected = {**before.values, **values}
    assert after.values == {key: value for key, value in expected.items() if value is not None}


def test_values_of_a_file():
    assert parse_values({"a": 1, "b": True, "c": "x", "d": None}) == {
        "a": "1",
        "b": "true",
        "c": "x",
        "d": None,
    }
    for wrong in ([], "x", {"a": [1]}, {"a": 1.5}, {1: "x"}, {"a\n": "x"}, {"a": "\0"}):
        with pytest.raises(ValueError, match=r"it is no list of keys|'a'|a key in it"):
            parse_values(wrong)
