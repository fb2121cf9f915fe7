from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.backup.reedsolomon import check_symbols, multiply

SYMBOLS = st.integers(0, 31)
MESSAGES = st.lists(SYMBOLS, min_size=1, max_size=27)


def test_the_powers_of_two_are_all_of_the_field_but_zero() -> None:
    powers = [1]
    while (following := multiply(powers[-1], 2)) != 1:
        powers.append(following)
    assert sorted(powers) == [*range(1, 32)]


@given(SYMBOLS, SYMBOLS, SYMBOLS)
def test_the_field_obeys_its_laws(one: int, two: int, three: int) -> None:
    assert multiply(one, two) == multiply(two, one)
    assert multiply(one, multiply(two, three)) == multiply(multiply(one, two), three)
    assert multiply(one, two ^ three) == multiply(one, two) ^ multiply(one, three)


@given(MESSAGES)
def test_message_and_check_vanish_at_the_roots(message: list[int]) -> None:
    for root in (2, 4, 8, 16):
        value = 0
        for symbol in [*message, *check_symbols(message)]:
            value = multiply(value, root) ^ symbol
        assert value == 0


@given(MESSAGES, st.dictionaries(st.integers(0, 30), st.integers(1, 31), min_size=1, max_size=4))
def test_up_to_four_wrong_symbols_are_found(message: list[int], errors: dict[int, int]) -> None:
    word = [*message, *check_symbols(message)]
    wrong = [symbol ^ errors.get(at, 0) for at, symbol in enumerate(word)]
    assert wrong == word or check_symbols(wrong[:-4]) != wrong[-4:]


@given(MESSAGES)
def test_zeros_in_front_do_not_matter(message: list[int]) -> None:
    assert check_symbols([0, 0, *message]) == check_symbols(message)
