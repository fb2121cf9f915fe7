"""Labels are parts, of which a task may name some; without SELinux nothing is done."""

import pytest

from lpse_ops.agent.selinux import apply_label, is_enabled, read_label, wanted_label

LABEL = "unconfined_u:object_r:user_home_t:s0:c1,c2"
DEFAULT = "system_u:object_r:httpd_sys_content_t:s0"


@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        ({}, LABEL),
        ({"setype": "etc_t"}, "unconfined_u:object_r:etc_t:s0:c1,c2"),
        ({"setype": "_default"}, "unconfined_u:object_r:httpd_sys_content_t:s0:c1,c2"),
        ({"seuser": "a", "serole": "b", "setype": "c", "selevel": "s1:c3"}, "a:b:c:s1:c3"),
        ({"selevel": "_default"}, "unconfined_u:object_r:user_home_t:s0"),
    ],
)
def test_the_parts_that_are_named_change(args, wanted):
    assert wanted_label(LABEL, DEFAULT, args) == wanted


def test_a_label_without_level_has_none_afterwards():
    args = {"setype": "etc_t", "selevel": "s0"}
    assert wanted_label("system_u:object_r:usr_t", None, args) == "system_u:object_r:etc_t"


def test_the_kernel_says_whether_labels_count(tmp_path):
    assert not is_enabled(str(tmp_path / "enforce"))
    (tmp_path / "enforce").write_text("0")
    assert is_enabled(str(tmp_path / "enforce"))


def test_a_file_without_a_label_is_left_alone(tmp_path):
    assert read_label(str(tmp_path)) is None
    assert apply_label(str(tmp_path), {"setype": "etc_t"}, check_mode=False) is None
