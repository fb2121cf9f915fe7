import pytest

from lpse_ops.agent.facts.subsets import Subset, UnknownSubset, choose_subsets

SUBSETS = {
    "names": Subset(["fqdn"], is_minimal=True),
    "clock": Subset(is_minimal=True),
    "disks": Subset(["mounts"]),
    "lines": Subset(needs=["names"]),
}


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (["all"], ["names", "clock", "disks", "lines"]),
        (["min"], ["names", "clock"]),
        (["!all"], ["names", "clock"]),
        (["!all", "!min"], []),
        (["disks"], ["names", "clock", "disks"]),
        (["!all", "!min", "mounts"], ["disks"]),
        (["!all", "!min", "lines"], ["names", "lines"]),
        (["!min", "lines", "disks"], ["names", "disks", "lines"]),
        (["all", "!disks"], ["names", "clock", "disks", "lines"]),
        (["all", "!disks", "!mounts"], ["names", "clock", "lines"]),
        (["!disks", "disks"], ["names", "clock", "disks"]),
    ],
)
def test_choice(wanted, chosen):
    assert choose_subsets(wanted, SUBSETS) == chosen


@pytest.mark.parametrize("word", ["nope", "!nope"])
def test_unknown_names_are_refused_with_all_that_there_are(word):
    with pytest.raises(UnknownSubset, match=r"Bad subset 'nope'.*all, clock, disks, fqdn, lines"):
        choose_subsets([word], SUBSETS)
