import pytest

from lpse_ops.backup.targets import Target, plan_targets


def paths_of(target: Target, above: bytes = b"") -> list[bytes]:
    """The wanted paths of a plan, in their order."""
    found = [above or b"/"] if target.is_wanted else []
    for name, child in target.children.items():
        found += paths_of(child, above + b"/" + name)
    return found


@pytest.mark.parametrize(
    ("paths", "wanted"),
    [
        ([], []),
        ([b"/srv/a"], [b"/srv/a"]),
        ([b"/srv/b", b"/srv/a", b"/etc"], [b"/etc", b"/srv/a", b"/srv/b"]),
        ([b"/srv/a/b", b"/srv/a"], [b"/srv/a"]),
        ([b"/srv/a", b"/srv/a/b/c"], [b"/srv/a"]),
        ([b"/srv/a-b", b"/srv/a", b"/srv/a/b"], [b"/srv/a", b"/srv/a-b"]),
        ([b"/srv//a/../b/./", b"/srv/b"], [b"/srv/b"]),
        ([b"/srv", b"/"], [b"/"]),
        ([b"/\xff\xfe"], [b"/\xff\xfe"]),
    ],
)
def test_paths_are_merged(paths: list[bytes], wanted: list[bytes]) -> None:
    assert paths_of(plan_targets(paths)) == wanted


def test_parents_are_shared() -> None:
    plan = plan_targets([b"/srv/a", b"/srv/b"])
    assert list(plan.children) == [b"srv"]
    assert list(plan.children[b"srv"].children) == [b"a", b"b"]
    assert not plan.children[b"srv"].is_wanted
