"""Irreducible polynomials over GF(2), which restic wants in ``config`` for its chunker.

Ours does not use it, but restic refuses a repository whose polynomial is not irreducible.  A
polynomial is an int, bit n being the coefficient of x^n; ``config`` holds its lower-case hex.
"""

from lpse_ops.backup.crypto import RandomBytes

DEGREE = 53
_X = 0b10


def random_polynomial(random_bytes: RandomBytes) -> int:
    """Draw until one is irreducible: about one odd polynomial in 27 is."""
    while True:
        drawn = int.from_bytes(random_bytes(8), "big")
        # Even ones are multiples of x.
        candidate = drawn & ((1 << DEGREE) - 1) | 1 << DEGREE | 1
        if is_irreducible(candidate):
            return candidate


def is_irreducible(polynomial: int) -> bool:
    """Ben-Or's test: no x^(2^i) - x up to half the degree shares a factor with it."""
    degree = polynomial.bit_length() - 1
    if degree < 1:
        return False
    power = _X
    for _ in range(degree // 2):
        power = _square(power, polynomial)
        if _common_factor(polynomial, power ^ _X) != 1:
            return False
    return True


def _square(factor: int, modulus: int) -> int:
    # Squaring over GF(2) puts a zero between each two bits.
    return _remainder(int(f"{factor:b}", 4), modulus)


def _remainder(dividend: int, divisor: int) -> int:
    length = divisor.bit_length()
    while (excess := dividend.bit_length() - length) >= 0:
        dividend ^= divisor << excess
    return dividend


def _common_factor(left: int, right: int) -> int:
    while right:
        left, right = right, _remainder(left, right)
    return left
