"""The kernel, the host's names, the account and the clock: facts that cost no more than a call."""

import os
import platform
import pwd
import socket
import sys
import threading
import time
from datetime import datetime, timezone
from typing import Any, Callable, Dict, List

from lpse_ops.agent.facts.hostfiles import read_text

# A resolver that does not answer must not hold up all facts.
_RESOLVER_SECONDS = 3.0


def read_platform() -> Dict[str, Any]:
    """Kernel, architecture and names of the host."""
    system = os.uname()
    bits = "64" if sys.maxsize > 2**32 else "32"
    fqdn = read_fqdn(system.nodename)
    architecture = normal_architecture(system.machine)
    return {
        "system": system.sysname,
        "kernel": system.release,
        "kernel_version": system.version,
        "machine": system.machine,
        "python_version": platform.python_version(),
        "fqdn": fqdn,
        "hostname": system.nodename.partition(".")[0],
        "nodename": system.nodename,
        "domain": fqdn.partition(".")[2],
        "userspace_bits": bits,
        "architecture": architecture,
        "userspace_architecture": architecture if bits == "64" else "i386",
        "machine_id": read_text("/var/lib/dbus/machine-id") or read_text("/etc/machine-id") or None,
    }


def normal_architecture(machine: str) -> str:
    return "i386" if machine in ("i386", "i486", "i586", "i686") else machine


def read_fqdn(
    nodename: str,
    ask: Callable[[], str] = socket.getfqdn,
    *,
    patience_seconds: float = _RESOLVER_SECONDS,
) -> str:
    """Full name of the host as its resolver tells it, or its short one when it does not answer."""
    answers: List[str] = []
    asking = threading.Thread(target=lambda: answers.append(ask()), daemon=True)
    asking.start()
    asking.join(patience_seconds)
    return answers[0] if answers else nodename


def read_python() -> Dict[str, Any]:
    """The interpreter that runs the agent."""
    version = sys.version_info
    names = ("major", "minor", "micro", "releaselevel", "serial")
    facts = {
        "executable": sys.executable,
        "has_sslcontext": True,
        "type": sys.implementation.name,
        "version": dict(zip(names, version)),
        "version_info": list(version),
    }
    return {"python": facts}


def read_user() -> Dict[str, Any]:
    """The account that the task runs as."""
    facts: Dict[str, Any] = {
        "user_id": str(os.getuid()),
        "user_uid": os.getuid(),
        "user_gid": os.getgid(),
        "real_user_id": os.getuid(),
        "effective_user_id": os.geteuid(),
        "real_group_id": os.getgid(),
        "effective_group_id": os.getegid(),
    }
    try:
        account = pwd.getpwuid(os.getuid())
    except KeyError:
        return facts
    facts.update(user_id=account.pw_name, user_gid=account.pw_gid, user_gecos=account.pw_gecos)
    facts.update(user_dir=account.pw_dir, user_shell=account.pw_shell)
    return facts


def read_environment() -> Dict[str, Any]:
    return {"env": dict(os.environ)}


def read_date_time() -> Dict[str, Any]:
    return {"date_time": describe_time(datetime.now(timezone.utc))}


def describe_time(now: datetime) -> Dict[str, str]:
    """All that ``date_time`` says about a moment, in the host's time zone."""
    local = now.astimezone()
    utc = now.astimezone(timezone.utc)
    return {
        "year": local.strftime("%Y"),
        "month": local.strftime("%m"),
        "weekday": local.strftime("%A"),
        "weekday_number": local.strftime("%w"),
        "weeknumber": local.strftime("%W"),
        "day": local.strftime("%d"),
        "hour": local.strftime("%H"),
        "minute": local.strftime("%M"),
        "second": local.strftime("%S"),
        "epoch": str(int(now.timestamp())),
        "epoch_int": str(int(now.timestamp())),
        "date": local.strftime("%Y-%m-%d"),
        "time": local.strftime("%H:%M:%S"),
        "iso8601_micro": utc.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "iso8601": utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "iso8601_basic": local.strftime("%Y%m%dT%H%M%S%f"),
        "iso8601_basic_short": local.strftime("%Y%m%dT%H%M%S"),
        "tz": time.strftime("%Z"),
        "tz_dst": time.tzname[1],
        "tz_offset": local.strftime("%z"),
    }
