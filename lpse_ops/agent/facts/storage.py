"""Names under which storage networks know the host, and what LVM it has."""

import json
import os
from typing import Any, Dict, List

from lpse_ops.agent.commands import find_program, run_command
from lpse_ops.agent.facts.hostfiles import list_folder, parse_assignments, read_text

_LVM_REPORTS = {"vgs": "vg", "lvs": "lv", "pvs": "pv"}


def read_iscsi() -> Dict[str, Any]:
    known = parse_assignments(read_text("/etc/iscsi/initiatorname.iscsi"))
    return {"iscsi_iqn": known.get("InitiatorName", "")}


def read_nvme() -> Dict[str, Any]:
    return {"hostnqn": read_text("/etc/nvme/hostnqn")}


def read_fibre_channel(root: str = "/sys/class/fc_host") -> Dict[str, Any]:
    ports = [read_text(os.path.join(root, name, "port_name")) for name in list_folder(root)]
    return {"fibre_channel_wwn": [port[2:] for port in ports if port]}


def read_lvm() -> Dict[str, Any]:
    """Volume groups, logical and physical volumes; root alone may ask."""
    if os.geteuid() != 0 or find_program("vgs") is None:
        return {"lvm": "N/A"}
    rows = {name: _report(name) for name in _LVM_REPORTS}
    return {"lvm": describe_lvm(rows["vgs"], rows["lvs"], rows["pvs"])}


def describe_lvm(
    groups: List[Dict[str, str]], volumes: List[Dict[str, str]], disks: List[Dict[str, str]]
) -> Dict[str, Any]:
    """Sizes in GiB, by names."""
    return {
        "vgs": {
            row["vg_name"]: {
                "size_g": row["vg_size"],
                "free_g": row["vg_free"],
                "num_lvs": row["lv_count"],
                "num_pvs": row["pv_count"],
            }
            for row in groups
        },
        "lvs": {
            row["lv_name"]: {"size_g": row["lv_size"], "vg": row["vg_name"]} for row in volumes
        },
        "pvs": {
            row["pv_name"]: {
                "size_g": row["pv_size"],
                "free_g": row["pv_free"],
                "vg": row["vg_name"],
            }
            for row in disks
        },
    }


def _report(name: str) -> List[Dict[str, str]]:
    program = find_program(name)
    if program is None:
        return []
    options = ["--units", "g", "--nosuffix", "--reportformat", "json"]
    finished = run_command([program, *options])
    try:
        rows = json.loads(finished.stdout)["report"][0][_LVM_REPORTS[name]]
    except (ValueError, LookupError):
        return []
    return list(rows)
