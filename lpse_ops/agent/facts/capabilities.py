"""What the task's process may do beyond its account's rights."""

from typing import Any, Dict

from lpse_ops.agent.facts.hostfiles import read_lines, read_text

# In the order of linux/capability.h.
_NAMES = (
    *("chown", "dac_override", "dac_read_search", "fowner", "fsetid", "kill", "setgid", "setuid"),
    *("setpcap", "linux_immutable", "net_bind_service", "net_broadcast", "net_admin", "net_raw"),
    *("ipc_lock", "ipc_owner", "sys_module", "sys_rawio", "sys_chroot", "sys_ptrace", "sys_pacct"),
    *("sys_admin", "sys_boot", "sys_nice", "sys_resource", "sys_time", "sys_tty_config", "mknod"),
    *("lease", "audit_write", "audit_control", "setfcap", "mac_override", "mac_admin", "syslog"),
    *("wake_alarm", "block_suspend", "audit_read", "perfmon", "bpf", "checkpoint_restore"),
)


def read_capabilities() -> Dict[str, Any]:
    """The facts ``system_capabilities`` and ``system_capabilities_enforced``."""
    effective = next(
        (line.split()[1] for line in read_lines("/proc/self/status") if line.startswith("CapEff:")),
        "0",
    )
    return decide_capabilities(
        int(effective, 16), int(read_text("/proc/sys/kernel/cap_last_cap", "40"))
    )


def decide_capabilities(effective: int, last: int) -> Dict[str, Any]:
    """Somebody with all capabilities is not restrained by them, and no list is given."""
    if effective == (1 << (last + 1)) - 1:
        return {"system_capabilities": [], "system_capabilities_enforced": "False"}
    names = ["cap_" + name for bit, name in enumerate(_NAMES) if effective >> bit & 1]
    return {"system_capabilities": names, "system_capabilities_enforced": "True"}
