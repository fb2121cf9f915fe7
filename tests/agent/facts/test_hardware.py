import pytest

from lpse_ops.agent.facts.hardware import (
    form_factor,
    parse_memory,
    parse_processors,
    read_firmware,
)


def cpuinfo(processors: int, **fields: str) -> str:
    blocks = []
    for number in range(processors):
        lines = [f"processor\t: {number}", "vendor_id\t: GenuineIntel", "model name\t: Xeon"]
        socket = {"physical id": str(number % int(fields.get("sockets", "1")))}
        known = {**socket, **{key.replace("_", " "): each for key, each in fields.items()}}
        blocks.append("\n".join(lines + [f"{key}\t: {each}" for key, each in known.items()]))
    return "\n\n".join(blocks) + "\n"


@pytest.mark.parametrize(
    ("text", "count", "cores", "threads", "vcpus"),
    [
        (cpuinfo(8, sockets="2", cpu_cores="2", siblings="4"), 2, 2, 2, 8),
        (cpuinfo(1, sockets="1", cpu_cores="1", siblings="1"), 1, 1, 1, 1),
        ("processor\t: 0\nmodel name\t: ARM\n\nprocessor\t: 1\n", 2, 1, 1, 2),
        ("", 0, 1, 1, 0),
    ],
)
def test_processors(text, count, cores, threads, vcpus):
    facts = parse_processors(text, 3)
    assert facts["processor_count"] == count
    assert facts["processor_cores"] == cores
    assert facts["processor_threads_per_core"] == threads
    assert facts["processor_vcpus"] == vcpus
    assert facts["processor_nproc"] == 3


def test_processors_by_name():
    facts = parse_processors(cpuinfo(1, sockets="1", flags="fpu vme"), 1)
    assert facts["processor"] == ["0", "GenuineIntel", "Xeon"]
    assert facts["flags"] == ["fpu", "vme"]


def test_memory():
    text = "MemTotal: 8192 kB\nMemFree: 2048 kB\nCached: 1024 kB\nBuffers: 1024 kB\nHugePages: 0\n"
    facts = parse_memory(text)
    assert (facts["memtotal_mb"], facts["memfree_mb"], facts["swaptotal_mb"]) == (8, 2, 0)
    assert facts["memory_mb"]["real"] == {"total": 8, "used": 6, "free": 2}
    assert facts["memory_mb"]["nocache"] == {"free": 4, "used": 4}


def test_firmware(tmp_path):
    for name, text in (("product_name", "KVM\n"), ("sys_vendor", "QEMU"), ("chassis_type", "17\n")):
        (tmp_path / name).write_text(text)
    facts = read_firmware(f"{tmp_path}/")
    assert facts["product_name"] == "KVM"
    assert facts["system_vendor"] == "QEMU"
    assert facts["form_factor"] == "Main Server Chassis"
    assert facts["product_uuid"] == "NA"


@pytest.mark.parametrize(("number", "word"), [("1", "Other"), ("999", "999"), ("NA", "NA")])
def test_form_factor(number, word):
    assert form_factor(number) == word
