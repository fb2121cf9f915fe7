import pytest

from lpse_ops.agent.facts.capabilities import decide_capabilities


@pytest.mark.parametrize(
    ("bits", "names", "enforced"),
    [(0b111, [], "False"), (0b101, ["cap_chown", "cap_dac_read_search"], "True"), (0, [], "True")],
)
def test_capabilities(bits, names, enforced):
    facts = decide_capabilities(bits, 2)
    assert facts["system_capabilities"] == names
    assert facts["system_capabilities_enforced"] == enforced
