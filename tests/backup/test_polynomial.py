import math
import random
from collections.abc import Callable

import pytest

from lpse_ops.backup.polynomial import (
    DEGREE,
    is_irreducible,
    random_polynomial,
)

KNOWN = 0x25B468838DCB75


@pytest.mark.parametrize("polynomial", [KNOWN, 0b10, 0b11, 0b111, 0b1011, 0x11B])
def test_irreducible(polynomial: int) -> None:
    assert is_irreducible(polynomial)


@pytest.mark.parametrize("polynomial", [0, 1, 0b100, 0b101, 0b110, 0x11A, KNOWN ^ 1, KNOWN ^ 2])
def test_not_irreducible(polynomial: int) -> None:
    assert not is_irreducible(polynomial)


def test_products_are_reducible() -> None:
    assert not is_irreducible(multiply(KNOWN, 0b11))
    assert not is_irreducible(multiply(0x11B, 0x11B))


@pytest.mark.parametrize("degree", range(1, 12))
def test_there_are_as_many_as_the_necklace_formula_says(degree: int) -> None:
    found = sum(map(is_irreducible, range(1 << degree, 2 << degree)))
    necklaces = sum(moebius(d) << degree // d for d in range(1, degree + 1) if degree % d == 0)
    assert found == necklaces // degree


def test_random_polynomials_are_irreducible_and_of_the_right_degree() -> None:
    drawn = {random_polynomial(random.Random(seed).randbytes) for seed in range(20)}
    assert len(drawn) == 20
    for polynomial in drawn:
        assert polynomial.bit_length() == DEGREE + 1
        assert is_irreducible(polynomial)


def test_it_draws_again_until_one_fits() -> None:
    draws = [bytes(8), bytes.fromhex("ffffffffffffffff"), KNOWN.to_bytes(8, "big")]
    assert random_polynomial(feed(draws)) == KNOWN
    assert draws == []


def feed(draws: list[bytes]) -> Callable[[int], bytes]:
    def random_bytes(size: int, /) -> bytes:
        assert size == len(draws[0])
        return draws.pop(0)

    return random_bytes


def multiply(left: int, right: int) -> int:
    product = 0
    for bit in range(right.bit_length()):
        if right >> bit & 1:
            product ^= left << bit
    return product


def moebius(number: int) -> int:
    primes = [p for p in range(2, number + 1) if number % p == 0 and is_prime(p)]
    return (-1) ** len(primes) if math.prod(primes) == number else 0


def is_prime(number: int) -> bool:
    return all(number % divisor for divisor in range(2, number))
