import pytest
from spse_steps.dbnames import Beside, choose_old, free_name, name_beside, parse_beside

OLD, NEW = "20250101T000000Z_aaaa", "20261122T021500Z_ab12"


def test_names_fit_and_are_understood():
    for name in ("epns_prod", "n" * 63, "ñ" * 31):
        made = name_beside(name, "restoring", NEW, 99)
        assert len(made.encode()) <= 63
        assert parse_beside(name, made) == Beside(made, "restoring", NEW)


@pytest.mark.parametrize(
    "found", ["epns_prod", "epns_prod_before_now", f"epns_lat_before_{NEW}", f"x_before_{NEW}"]
)
def test_other_databases_are_nobodys_business(found):
    assert parse_beside("epns_prod", found) is None


def test_a_name_that_is_taken_gets_a_number():
    first = free_name("epns_prod", "failed", NEW, [])
    assert free_name("epns_prod", "failed", NEW, [first]) == f"{first}_2"


def names(kind, *stamps):
    return [name_beside("epns_prod", kind, stamp) for stamp in stamps]


def test_the_newest_are_kept_and_this_upgrades_own_always():
    stamps = [f"2025010{day}T000000Z_aaaa" for day in range(1, 5)]
    found = [*names("before", *stamps), *names("failed", stamps[0]), "epns_prod", "other"]
    old = choose_old("epns_prod", found, keep=2, stamp=stamps[0])
    assert old == names("before", stamps[1])


def test_half_made_ones_of_earlier_upgrades_are_of_no_use():
    found = [*names("cloning", OLD, NEW), *names("restoring", OLD)]
    old = choose_old("epns_prod", found, keep=5, stamp=NEW)
    assert old == [*names("cloning", OLD), *names("restoring", OLD)]
