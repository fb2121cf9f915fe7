from lpse_ops.agent.facts.storage import describe_lvm


def test_lvm():
    group = {
        "vg_name": "data",
        "vg_size": "9.00",
        "vg_free": "1.00",
        "lv_count": "1",
        "pv_count": "1",
    }
    volume = {"lv_name": "db", "lv_size": "8.00", "vg_name": "data"}
    disk = {"pv_name": "/dev/sdb", "pv_size": "9.00", "pv_free": "1.00", "vg_name": "data"}
    facts = describe_lvm([group], [volume], [disk])
    assert facts["vgs"]["data"]["free_g"] == "1.00"
    assert facts["lvs"] == {"db": {"size_g": "8.00", "vg": "data"}}
    assert facts["pvs"]["/dev/sdb"]["vg"] == "data"
