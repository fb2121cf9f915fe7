"""Four check symbols for up to 27 symbols of 5 bits: a Reed-Solomon code over GF(32).

Any four wrong symbols are found for certain, so any typo and any two swapped ones.  Zeros in front
of a message do not change its check, and the check of a sum is the sum of the checks.
"""

CHECK_SYMBOLS = 4
# x^5 + x^2 + 1, for which the powers of x, written 2, are all 31 elements but 0.
_FIELD = 0b100101
_ROOTS = (2, 4, 8, 16)


def check_symbols(message: list[int]) -> list[int]:
    """Return the remainder of message * x^4 by (x - 2)(x - 4)(x - 8)(x - 16)."""
    remainder = [0] * CHECK_SYMBOLS
    for symbol in message:
        row = _MULTIPLES[symbol ^ remainder[0]]
        remainder = [one ^ two for one, two in zip([*remainder[1:], 0], row, strict=True)]
    return remainder


def multiply(left: int, right: int) -> int:
    """Multiply two elements of the field."""
    product = 0
    for bit in range(5):
        product ^= (left << bit) * (right >> bit & 1)
    for bit in (8, 7, 6, 5):
        product ^= (_FIELD << bit - 5) * (product >> bit & 1)
    return product


def _generator() -> list[int]:
    """Multiply out the divisor; its leading coefficient 1 is left away."""
    product = [1]
    for root in _ROOTS:
        scaled = [multiply(root, one) for one in product]
        product = [high ^ low for high, low in zip([*product, 0], [0, *scaled], strict=True)]
    return product[1:]


_MULTIPLES = [[multiply(head, factor) for factor in _generator()] for head in range(32)]
