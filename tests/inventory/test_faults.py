import pytest

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.declaration import Refused
from lpse_ops.inventory.faults import Faults, split_place
from lpse_ops.inventory.seen import Fault
from lpse_ops.marked import Origin

AT = Origin("h", 3, 4)


@pytest.mark.parametrize(
    ("message", "origin", "problem"),
    [
        ("h:3:4: wrong: it is", AT, "wrong: it is"),
        ("h:3: wrong", Origin("h", 3), "wrong"),
        ("h is empty", Origin("h"), "h is empty"),
        ("cannot read h: no", Origin("h"), "cannot read h: no"),
        ("h2:3:4: wrong", Origin("h"), "h2:3:4: wrong"),
        ("h:3:4: two\nlines", AT, "two\nlines"),
    ],
)
def test_the_place_is_taken_off_a_message(message, origin, problem):
    assert split_place(message, "h") == (origin, problem)


def test_what_is_found_twice_is_told_once():
    faults, others = Faults(), Faults()
    faults.add("a", AT, "wrong", "mend it", "db")
    faults.refuse(Refused(AT, "no", hint="yes", rule="b"))
    others.add("a", AT, "wrong", "mend it", "db")
    others.add_error("a", InventoryError("h:5:6: worse", hint="see"), "h")
    faults.take(others)
    assert faults.by_rule == {
        "a": (Fault(AT, "wrong", "mend it", "db"), Fault(Origin("h", 5, 6), "worse", "see")),
        "b": (Fault(AT, "no", "yes"),),
    }
