import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpse_ops.errors import InventoryError
from lpse_ops.inventory.declaration import ChildStated, GroupStated, HostStated, VariableStated
from lpse_ops.inventory.ini import parse_ini
from lpse_ops.marked import Origin, Text

FILE = """\
# the database
[db]
 db-[1:2]:5432   port=5432 "path=/a b" name=spse # the first
[db:vars]
  backup_day = 3
"""


def at(line, column):
    return Origin("h.ini", line, column)


def test_a_file_says_what_is_in_it_with_line_and_column():
    variables = [("port", 5432), ("path", "/a b"), ("name", "spse")]
    assert parse_ini(FILE, "h.ini", []) == [
        GroupStated("db", at(2, 1)),
        HostStated("db-1", "db", 5432, at(3, 2)),
        HostStated("db-2", "db", 5432, at(3, 2)),
        *(VariableStated(f"db-{n}", key, value) for key, value in variables for n in (1, 2)),
        GroupStated("db", at(4, 1)),
        VariableStated("db", "backup_day", 3),
    ]


def test_keys_and_values_have_places_of_their_own():
    stated = [each for each in parse_ini(FILE, "h.ini", []) if isinstance(each, VariableStated)]
    assert [each.key.origin for each in stated[:6:2]] == [at(3, 18), at(3, 28), at(3, 40)]
    assert stated[4].value.origin == at(3, 45)
    assert stated[-1].key.origin == at(5, 3)
    assert isinstance(stated[4].value, Text)


def test_hosts_before_the_first_section_are_ungrouped():
    assert parse_ini("one\n", "h.ini", []) == [HostStated("one", "ungrouped", None, at(1, 1))]


def test_groups_of_children_may_be_declared_later_or_in_another_file():
    text = "[all_db:children]\ndb\nold # from elsewhere\n[db]\n"
    assert ChildStated("all_db", "old", at(3, 1)) in parse_ini(text, "h.ini", ["old"])


@pytest.mark.parametrize(
    ("text", "place", "problem", "hint"),
    [
        ("[web:hosts]\n[web:kids]\n", "2:1", "unknown kind of section 'kids'", "[GROUP:vars]"),
        ("[web db]\n", "1:1", "'[web db]' is no section", "without spaces"),
        ("[web:vars]\nx=1\n", "1:1", "the group 'web', which no section", "a section [web]"),
        ("[web:children]\ndb\n", "2:1", "'db' is no group", "a section [db]"),
        ("[web:children]\ndb x\n[db]\n", "2:1", "'db x' is no name of a group", "one group"),
        ("[web]\n[web:vars]\nx 1\n", "3:1", "'x 1' sets no variable", "NAME=VALUE"),
        ("web x\n", "1:5", "'x' sets no variable", "NAME=VALUE"),
        ("web x='1\n", "1:1", "no closing quotation", "quotation mark"),
        ("---\n", "1:1", "looks like YAML", ".yml"),
        ("web:\n", "1:1", "'web:' ends with ':'", "port"),
        ("db[1:x]\n", "1:1", "a range from '1' to 'x'", "[first:last]"),
        ("a[1:60000]\nb[1:60000]\n", "2:1", "more than 100000 hosts", "right file"),
    ],
)
def test_an_error_names_its_place_and_says_what_to_write(text, place, problem, hint):
    with pytest.raises(InventoryError) as wrong:
        parse_ini(text, "h.ini", [])
    assert wrong.value.message.startswith(f"h.ini:{place}: ")
    assert problem in wrong.value.message
    assert hint in wrong.value.hint


@given(st.text(alphabet="ab[]:=#;'\"\\ \n\t\x00é-,", max_size=60))
def test_whatever_stands_in_a_file_it_is_read_or_refused(text):
    problems = []
    try:
        parse_ini(text, "h.ini", [])
    except InventoryError as wrong:
        problems.append(wrong.message)
    assert all(each.startswith("h.ini:") for each in problems)
