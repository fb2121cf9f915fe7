import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.inventory.nearness import distance, nearest


@pytest.mark.parametrize(
    ("one", "other", "steps"),
    [
        ("same", "same", 0),
        ("host", "hosts", 1),
        ("host", "hsot", 1),
        ("host", "most", 1),
        ("ansible_usr", "ansible_user", 1),
        ("kitten", "sitting", 3),
        ("", "abc", 3),
    ],
)
def test_the_distance_counts_letters_and_swaps(one, other, steps):
    assert distance(one, other, 9) == distance(other, one, 9) == steps


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("wbe", ["web", "db"], ""),
        ("serevr", ["server", "served"], "server"),
        ("ansible_psasword", ["ansible_password", "ansible_port"], "ansible_password"),
        ("web_server", ["db_server"], ""),
        ("same", ["same"], ""),
        ("node", [], ""),
    ],
)
def test_only_what_is_near_for_its_length_was_meant(word, known, near):
    assert nearest(word, known) == near


WORDS = st.text(alphabet="abc", max_size=7)


@given(WORDS, WORDS, st.integers(0, 4))
def test_a_limit_changes_nothing_below_it(one, other, most):
    whole = distance(one, other, 99)
    assert distance(one, other, most) == min(whole, most + 1)
