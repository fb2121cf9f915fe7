"""Block devices and their partitions, as the kernel's /sys/block shows them."""

import os
from typing import Any, Dict, List

from lpse_ops.agent.facts.hostfiles import list_folder, read_text

_SECTOR_BYTES = 512
_UNITS = ("KB", "MB", "GB", "TB", "PB")
_LINKS = {"ids": "by-id", "uuids": "by-uuid", "labels": "by-label"}


def read_devices(root: str = "/sys/block", links_root: str = "/dev/disk") -> Dict[str, Any]:
    """The facts ``devices`` and ``device_links``."""
    links = read_links(links_root)
    links["masters"] = _read_masters(root)
    devices = {}
    for name in list_folder(root):
        devices[name] = _read_device(os.path.join(root, name), name, links)
    return {"devices": devices, "device_links": links}


def read_links(root: str) -> Dict[str, Dict[str, List[str]]]:
    """Names that udev gives to each device, by kind."""
    found: Dict[str, Dict[str, List[str]]] = {}
    for kind, folder in _LINKS.items():
        found[kind] = {}
        for name in list_folder(os.path.join(root, folder)):
            device = os.path.basename(os.path.realpath(os.path.join(root, folder, name)))
            found[kind].setdefault(device, []).append(name)
    return found


def render_size(size_bytes: float) -> str:
    """Size in the largest unit that leaves at least 1: ``10.00 GB``."""
    if size_bytes < 1024:
        return f"{size_bytes:.2f} Bytes"
    size = size_bytes / 1024
    unit = 0
    while size >= 1024 and unit < len(_UNITS) - 1:
        size /= 1024
        unit += 1
    return f"{size:.2f} {_UNITS[unit]}"


def parse_scheduler(text: str) -> str:
    """The scheduler in brackets of ``none [mq-deadline]``."""
    return text.partition("[")[2].partition("]")[0]


def _read_masters(root: str) -> Dict[str, List[str]]:
    masters: Dict[str, List[str]] = {}
    for name in list_folder(root):
        for slave in list_folder(os.path.join(root, name, "slaves")):
            masters.setdefault(slave, []).append(name)
    return masters


def _read_device(folder: str, name: str, links: Dict[str, Dict[str, List[str]]]) -> Dict[str, Any]:
    sectors = _number(read_text(os.path.join(folder, "size")))
    device: Dict[str, Any] = {
        # As Ansible has it on every kernel of this century.
        "virtual": 1,
        "links": links_of(name, links),
        "vendor": read_text(os.path.join(folder, "device/vendor")) or None,
        "model": read_text(os.path.join(folder, "device/model")) or None,
        "sas_address": read_text(os.path.join(folder, "device/sas_address")) or None,
        "sas_device_handle": read_text(os.path.join(folder, "device/sas_device_handle")) or None,
        "removable": read_text(os.path.join(folder, "removable")),
        "support_discard": read_text(os.path.join(folder, "queue/discard_granularity")),
        "rotational": read_text(os.path.join(folder, "queue/rotational")),
        "scheduler_mode": parse_scheduler(read_text(os.path.join(folder, "queue/scheduler"))),
        "sectors": sectors,
        "sectorsize": read_text(os.path.join(folder, "queue/logical_block_size")),
        "size": render_size(sectors * _SECTOR_BYTES),
        "host": "",
        "holders": list_folder(os.path.join(folder, "holders")),
        "partitions": {},
    }
    for part in list_folder(folder):
        if part.startswith(name) and os.path.exists(os.path.join(folder, part, "partition")):
            device["partitions"][part] = _read_partition(os.path.join(folder, part), part, links)
    serial = read_text(os.path.join(folder, "device/serial"))
    if serial:
        device["serial"] = serial
    return device


def _read_partition(
    folder: str, name: str, links: Dict[str, Dict[str, List[str]]]
) -> Dict[str, Any]:
    sectors = _number(read_text(os.path.join(folder, "size")))
    return {
        "links": links_of(name, links),
        "start": read_text(os.path.join(folder, "start"), "0"),
        "sectors": sectors,
        "sectorsize": _SECTOR_BYTES,
        "size": render_size(sectors * _SECTOR_BYTES),
        "uuid": next(iter(links["uuids"].get(name, [])), None),
        "holders": list_folder(os.path.join(folder, "holders")),
    }


def links_of(name: str, links: Dict[str, Dict[str, List[str]]]) -> Dict[str, List[str]]:
    return {kind: named.get(name, []) for kind, named in links.items()}


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0
