"""Three versions of application.conf: who changed what, and what is proposed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.masking import MASK
from lpse_ops.spse.configuration import parse_configuration
from lpse_ops.spse.configurationmerge import (
    Difference,
    compare_configurations,
    judge,
    propose_configuration,
)
from lpse_ops.spse.configurationsecrets import find_secrets, is_secret, show_value

OLD = b"""\
# Port
http.port=9090
http.path=/eproc4
db=postgres://epns:epns@localhost:5432/epns_prod
play.pool=3
usang=ya
"""
NEW = b"""\
# Port
http.port=9909
http.path=/eproc4

# Sejak 4.5: alamat SIKaP
# (jangan diubah)
sikap.url=https://sikap.example.id
db=postgres://epns:epns@localhost:5432/epns_prod
play.pool=5
akhir=1
"""
SITE = b"""\
# Diubah 3 Maret oleh admin
http.path=/eproc4
db=postgres://epns:Rah4sia!@10.1.1.2:5432/epns_prod

http.port=9090   
play.pool=10
usang=ya
lokal=ya"""  # noqa: W291


def changes(old, new, site):
    compared = compare_configurations(
        None if old is None else parse_configuration(old),
        parse_configuration(new),
        parse_configuration(site),
    )
    return {each.key: each.change for each in compared}


def propose(old, new, site) -> bytes:
    return propose_configuration(
        None if old is None else parse_configuration(old),
        parse_configuration(new),
        parse_configuration(site),
    ).render()


@pytest.mark.parametrize(
    ("old", "new", "site", "change"),
    [
        ("1", "1", "1", None),
        (None, None, None, None),
        ("1", "2", "1", "package"),
        ("1", None, "1", "package"),
        (None, "1", None, "package"),
        ("1", "1", "2", "site"),
        ("1", "1", None, "site"),
        (None, None, "1", "site"),
        ("1", "2", "2", "both"),
        ("1", None, None, "both"),
        (None, "1", "1", "both"),
        ("1", "2", "3", "conflict"),
        ("1", None, "3", "conflict"),
        ("1", "2", None, "conflict"),
        (None, "1", "2", "conflict"),
    ],
)
def test_who_changed_it(old, new, site, change):
    assert judge(old, new, site) == change


def test_all_differences_are_told():
    site = SITE.replace(b"9090   ", b"9090")
    assert changes(OLD, NEW, site) == {
        "akhir": "package",
        "db": "site",
        "http.port": "package",
        "lokal": "site",
        "play.pool": "conflict",
        "sikap.url": "package",
        "usang": "package",
    }


def test_without_the_old_default_nobody_knows_who_it_was():
    assert changes(None, b"a=1\nb=1\nd=1\n", b"a=2\nb=1\nc=1\n") == {
        "a": "conflict",
        "b": "both",
        "c": "site",
        "d": "package",
    }


def test_the_proposal_is_the_sites_file_with_the_packages_changes():
    assert (
        propose(OLD, NEW, SITE.replace(b"9090   ", b"9090"))
        == b"""\
# Diubah 3 Maret oleh admin
http.path=/eproc4
# Sejak 4.5: alamat SIKaP
# (jangan diubah)
sikap.url=https://sikap.example.id
db=postgres://epns:Rah4sia!@10.1.1.2:5432/epns_prod

http.port=9909
play.pool=10
akhir=1
lokal=ya
"""
    )


def test_nothing_to_do_changes_no_byte():
    site = b"a = 1 \r\nb=2"
    assert propose(b"a=1 \n", b"a=1 \n", site) == site


def test_of_a_key_that_is_there_twice_the_last_counts():
    assert propose(b"a=1\n", b"a=0\na=2\n", b"a=0\n# ini\na=1\n") == b"a=0\n# ini\na=2\n"
    assert propose(b"", b"# satu\na=1\na=2\n", b"x=1\n") == b"x=1\na=2\n"


def test_a_new_key_without_anything_before_it_goes_to_the_end():
    assert propose(b"", b"\n# baru\n\n# ini\na=1\n", b"x=1\n") == b"x=1\n# ini\na=1\n"


def test_lines_of_the_package_end_in_the_sites_way_where_they_have_none():
    assert propose(b"", b"a=1", b"x=1\r\n") == b"x=1\r\na=1\r\n"


LINES = st.lists(
    st.tuples(st.sampled_from("abcdef"), st.sampled_from(["1", "2", "3 \\\n 4", "5\\\\"])).map(
        lambda pair: f"{pair[0]}={pair[1]}"
    )
    | st.sampled_from(["# x", "", "   "]),
    max_size=8,
)


@given(LINES, LINES, LINES, st.booleans())
def test_the_proposal_means_what_the_comparison_says(old, new, site, ends):
    files = [parse_configuration("\n".join(lines).encode()) for lines in (old, new, site)]
    if ends:
        files = [parse_configuration(each.render() + b"\n") for each in files]
    proposed = parse_configuration(propose_configuration(*files).render()).values
    compared = {each.key: each.proposed for each in compare_configurations(*files)}
    keys = {key for each in files for key in each.values}
    expected = {key: compared.get(key, files[2].values.get(key)) for key in keys}
    assert proposed == {key: value for key, value in expected.items() if value is not None}


# --- secrets ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("db", "postgres://localhost/epns_prod"),
        ("%prod.db", "x"),
        ("securedb", "3f2a"),
        ("db.pass", "epns"),
        ("mail.smtp.password", "x"),
        ("application.secret", "x"),
        ("sikap.token", "x"),
        ("apiKey", "x"),
        ("jdbc.url", "jdbc:postgresql://localhost/epns?user=epns&password=epns"),
        ("spse3.url", "http://admin:rahasia@localhost/"),
        ("x", "-----BEGIN PRIVATE KEY-----"),
        ("x", "ENC(abc)"),
        ("x", "0123456789abcdef0123456789abcdef"),
    ],
)
def test_secrets_are_masked(key: str, value: str):
    assert is_secret(key, value)
    assert show_value(key, value) == MASK


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("http.port", "9090"),
        ("application.mode", "prod"),
        ("db.driver", "org.postgresql.Driver"),
        ("db.user", "epns"),
        ("sikap.url", "https://sikap.lkpp.go.id/api"),
        ("jvm.memory", "-Xmx2g -XX:+HeapDumpOnOutOfMemoryError"),
    ],
)
def test_what_is_no_secret_is_shown(key: str, value: str):
    assert show_value(key, value) == value
    assert show_value(key, None) is None
    assert show_value("db.pass", "") == ""


def test_secrets_for_the_masker():
    found = find_secrets(
        {
            "db": "postgres://epns:Rah%40sia@localhost/epns_prod",
            "jdbc.url": "jdbc:postgresql://x/y?password=lain&ssl=true",
            "http.port": "9090",
        }
    )
    assert found >= {"Rah%40sia", "Rah@sia", "lain"}
    assert "9090" not in found


def test_a_difference_never_shows_a_secret():
    difference = Difference("sumber", "conflict", "kosong", None, "http://a:rahasia@x/")
    assert difference.shown() == {
        "key": "sumber",
        "change": "conflict",
        "old": MASK,
        "new": None,
        "site": MASK,
    }
    assert "rahasia" not in repr(difference)
    plain = Difference("http.port", "package", "1", "2", "1")
    assert plain.shown()["new"] == "2"
    assert plain.proposed == "2"
