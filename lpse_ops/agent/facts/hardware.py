"""Processors, memory, uptime and what the firmware says about the machine."""

import os
from typing import Any, Dict, List

from lpse_ops.agent.facts.hostfiles import read_text

_DMI = "/sys/devices/virtual/dmi/id/"
_DMI_FACTS = {
    "bios_date": "bios_date",
    "bios_vendor": "bios_vendor",
    "bios_version": "bios_version",
    "board_asset_tag": "board_asset_tag",
    "board_name": "board_name",
    "board_serial": "board_serial",
    "board_vendor": "board_vendor",
    "board_version": "board_version",
    "chassis_asset_tag": "chassis_asset_tag",
    "chassis_serial": "chassis_serial",
    "chassis_vendor": "chassis_vendor",
    "chassis_version": "chassis_version",
    "form_factor": "chassis_type",
    "product_name": "product_name",
    "product_serial": "product_serial",
    "product_uuid": "product_uuid",
    "product_version": "product_version",
    "system_vendor": "sys_vendor",
}
# Numbers of the SMBIOS specification, section 7.4.1.
_FORM_FACTORS = (
    *("Unknown", "Other", "Unknown", "Desktop", "Low Profile Desktop", "Pizza Box", "Mini Tower"),
    *("Tower", "Portable", "Laptop", "Notebook", "Hand Held", "Docking Station", "All In One"),
    *("Sub Notebook", "Space-saving", "Lunch Box", "Main Server Chassis", "Expansion Chassis"),
    *("Sub Chassis", "Bus Expansion Chassis", "Peripheral Chassis", "RAID Chassis"),
    *("Rack Mount Chassis", "Sealed-case PC", "Multi-system", "CompactPCI", "AdvancedTCA"),
    *("Blade", "Blade Enclosure", "Tablet", "Convertible", "Detachable", "IoT Gateway"),
    *("Embedded PC", "Mini PC", "Stick PC"),
)


def read_hardware() -> Dict[str, Any]:
    """Processors, memory, uptime and firmware."""
    facts = parse_processors(read_text("/proc/cpuinfo"), usable_processors())
    facts.update(parse_memory(read_text("/proc/meminfo")))
    facts.update(read_firmware())
    uptime = read_text("/proc/uptime").partition(" ")[0]
    if uptime:
        facts["uptime_seconds"] = int(float(uptime))
    return facts


def read_load() -> Dict[str, Any]:
    one, five, fifteen = os.getloadavg()
    return {"loadavg": {"1m": one, "5m": five, "15m": fifteen}}


def usable_processors() -> int:
    return len(os.sched_getaffinity(0))


def parse_memory(meminfo: str) -> Dict[str, Any]:
    """Sizes in MiB out of /proc/meminfo."""
    pairs = (line.partition(":") for line in meminfo.splitlines())
    known = {key: int(value.split()[0]) // 1024 for key, colon, value in pairs if value.split()}
    total, free = known.get("MemTotal", 0), known.get("MemFree", 0)
    reusable = known.get("Cached", 0) + known.get("Buffers", 0)
    swap, swap_free = known.get("SwapTotal", 0), known.get("SwapFree", 0)
    return {
        "memtotal_mb": total,
        "memfree_mb": free,
        "swaptotal_mb": swap,
        "swapfree_mb": swap_free,
        "memory_mb": {
            "real": {"total": total, "used": total - free, "free": free},
            "nocache": {"free": free + reusable, "used": total - free - reusable},
            "swap": {
                "total": swap,
                "free": swap_free,
                "used": swap - swap_free,
                "cached": known.get("SwapCached", 0),
            },
        },
    }


def parse_processors(cpuinfo: str, usable: int) -> Dict[str, Any]:
    """Sockets, cores and threads out of /proc/cpuinfo; virtual ones on every architecture."""
    blocks = [_parse_block(block) for block in cpuinfo.split("\n\n") if "processor" in block]
    names: List[str] = []
    for index, block in enumerate(blocks):
        names.append(block.get("processor", str(index)))
        names += [block[key] for key in ("vendor_id", "model name") if block.get(key)]
    sockets = {block["physical id"] for block in blocks if "physical id" in block}
    count = len(sockets) or len(blocks)
    cores = _number(blocks, "cpu cores") if sockets else 1
    siblings = _number(blocks, "siblings") if sockets else 1
    threads = max(1, siblings // cores)
    facts: Dict[str, Any] = {
        "processor": names,
        "processor_count": count,
        "processor_cores": cores,
        "processor_threads_per_core": threads,
        "processor_vcpus": count * cores * threads,
        "processor_nproc": usable,
    }
    flags = blocks[0].get("flags") or blocks[0].get("Features") if blocks else None
    if flags:
        facts["flags"] = flags.split()
    return facts


def _parse_block(block: str) -> Dict[str, str]:
    pairs = (line.partition(":") for line in block.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _number(blocks: List[Dict[str, str]], key: str) -> int:
    text = blocks[0].get(key, "") if blocks else ""
    return int(text) if text.isdigit() and int(text) else 1


def read_firmware(folder: str = _DMI) -> Dict[str, str]:
    """What the firmware says about itself; ``NA`` where it says nothing or only to root."""
    facts = {fact: read_text(folder + name) or "NA" for fact, name in _DMI_FACTS.items()}
    facts["form_factor"] = form_factor(facts["form_factor"])
    return facts


def form_factor(number: str) -> str:
    """Word for a number of SMBIOS; unknown ones stay as they are."""
    if number.isdigit() and int(number) < len(_FORM_FACTORS):
        return _FORM_FACTORS[int(number)]
    return number
