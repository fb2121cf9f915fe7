"""Checks of the machine: system, memory, reboots that wait, units, confinement, clock."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from lpse_ops.spse.preflightcheck import (
    Asked,
    Check,
    critical,
    ok,
    show_bytes,
    skipped,
    unknown,
    warning,
)
from lpse_ops.spse.preflightfacts import Facts

# When the last updates of security end; of CentOS in place of it those of its project.
_SUPPORTED_UNTIL = {
    ("centos", "5"): date(2017, 3, 31),
    ("centos", "6"): date(2020, 11, 30),
    ("centos", "7"): date(2024, 6, 30),
    ("centos", "8"): date(2021, 12, 31),
    ("debian", "9"): date(2022, 6, 30),
    ("debian", "10"): date(2024, 6, 30),
    ("debian", "11"): date(2026, 8, 31),
    ("debian", "12"): date(2028, 6, 30),
    ("debian", "13"): date(2030, 6, 30),
    ("ubuntu", "18"): date(2023, 5, 31),
    ("ubuntu", "20"): date(2025, 5, 31),
    ("ubuntu", "22"): date(2027, 4, 30),
    ("ubuntu", "24"): date(2029, 4, 30),
    **{
        (name, version): until
        for name in ("almalinux", "rocky", "rhel", "ol")
        for version, until in {
            "7": date(2024, 6, 30),
            "8": date(2029, 5, 31),
            "9": date(2032, 5, 31),
            "10": date(2035, 5, 31),
        }.items()
    },
}
_STREAMS = {"8": date(2024, 5, 31), "9": date(2027, 5, 31), "10": date(2030, 5, 31)}
_MACHINES = ("x86_64", "aarch64")
_MAX_NAMES = 6


def judge_system(facts: Facts, asked: Asked) -> Iterator[Check]:
    known = facts.inner("system")
    if known.trouble:
        yield unknown("system", known.trouble)
        return
    name = known.text("name") or "unknown"
    major = known.text("version").split(".")[0]
    key = (known.text("id"), major)
    until = _STREAMS.get(major) if known.flag("is_stream") else _SUPPORTED_UNTIL.get(key)
    if until is None:
        yield unknown("system", name, "ask its maker how long it gets updates of security")
    elif asked.now.date() > until:
        say = warning if asked.is_upgrade else critical
        advice = "plan a move to a system that gets updates of security, such as Debian 12"
        yield say("system", f"{name}: no updates since {until}", advice)
    else:
        yield ok("system", f"{name}, updates until {until}")
    machine = known.text("machine")
    if machine not in _MACHINES:
        yield warning("machine", machine or "unknown", "use a 64-bit machine and system")
    if known.flag("is_root") is not True:
        advice = "run it as root: sudo lpse-ops spse preflight; over SSH add --become"
        yield warning("rights", "not root: much cannot be seen", advice)


def judge_memory(facts: Facts, asked: Asked) -> Iterator[Check]:
    known, java = facts.inner("memory"), facts.inner("java")
    limits = asked.thresholds
    total, available = known.count("total_bytes"), known.count("available_bytes")
    if not total or available is None:
        yield unknown("memory", known.trouble)
        return
    value = f"{show_bytes(available)} of {show_bytes(total)} available"
    advice = "find what takes it: ps -eo rss,args --sort=-rss | head"
    if available < total * limits.memory_critical:
        yield critical("memory", value, advice)
    elif available < total * limits.memory_warning:
        yield warning("memory", value, advice)
    else:
        yield ok("memory", value)
    heap = java.count("heap_bytes") or facts.inner("release").count("heap_bytes")
    if heap:
        # SPSE is stopped before it is started.
        left = available + (java.count("resident_bytes") or 0)
        yield _judge_heap(heap, left, total, limits.heap_margin)
    kills = known.count("out_of_memory_kills")
    if kills:
        value = f"{kills} programs were killed since the boot because memory was out"
        yield warning("memory-out", value, "journalctl -k -g 'Out of memory' names them")


def _judge_heap(heap: int, left: int, total: int, margin: float) -> Check:
    value = f"Java may take {show_bytes(heap)} (-Xmx), {show_bytes(left)} are there for it"
    if heap > total:
        return critical("memory-java", value, "lower -Xmx in SPSE's script, or add memory")
    if heap * (1 + margin) > left:
        return warning("memory-java", value, "lower -Xmx in SPSE's script, or add memory")
    return ok("memory-java", value)


def judge_reboot(facts: Facts, _asked: Asked) -> Iterator[Check]:
    known = facts.inner("reboot")
    running, newest = known.text("running_kernel"), known.text("newest_kernel")
    reasons = []
    if known.flag("is_required"):
        packages = ", ".join(known.texts("packages")[:_MAX_NAMES])
        reasons.append(f"asked for by {packages}" if packages else "asked for by its packages")
    if known.flag("needs_restarting"):
        reasons.append("asked for by needs-restarting")
    if newest and running and newest != running:
        reasons.append(f"kernel {running} runs, {newest} is installed")
    if not known.has("is_required"):
        yield unknown("reboot", known.trouble)
    elif reasons:
        advice = "reboot before that night, so that what fails then is not the reboot"
        yield warning("reboot", "; ".join(reasons), advice)
    else:
        yield ok("reboot", "none waits")


def judge_units(facts: Facts, _asked: Asked) -> Iterator[Check]:
    known = facts.inner("units")
    if not known.has("failed"):
        yield unknown("units", known.trouble)
        return
    failed = known.texts("failed")
    if failed:
        names = ", ".join(failed[:_MAX_NAMES])
        advice = f"systemctl status {failed[0]}, then systemctl restart or reset-failed"
        yield warning("units", f"{len(failed)} failed: {names}", advice)
    else:
        yield ok("units", "none failed")


def judge_confinement(facts: Facts, _asked: Asked) -> Iterator[Check]:
    """SELinux where it is at home; else AppArmor."""
    known = facts.inner("confinement")
    mode, apparmor = known.text("selinux"), known.flag("apparmor")
    if not mode:
        yield unknown("confinement", known.trouble)
    elif mode == "enforcing" and known.flag("may_httpd_connect") is False:
        yield warning(
            "confinement",
            "SELinux keeps the web server from SPSE",
            "setsebool -P httpd_can_network_connect on",
        )
    elif mode == "enforcing":
        yield ok("confinement", "SELinux enforcing")
    elif mode == "permissive":
        yield warning("confinement", "SELinux only warns", "setenforce 1, and /etc/selinux/config")
    elif known.text("selinux_configured"):
        advice = "set SELINUX=enforcing in /etc/selinux/config, and reboot"
        yield warning("confinement", "SELinux is switched off", advice)
    elif apparmor:
        yield ok("confinement", f"AppArmor, {known.count('apparmor_profiles')} profiles")
    else:
        yield warning(
            "confinement",
            "neither AppArmor nor SELinux",
            "boot with apparmor=1 security=apparmor, where the kernel has it",
        )


def judge_clock(facts: Facts, asked: Asked) -> Iterator[Check]:
    known, limits = facts.inner("clock"), asked.thresholds
    source, synchronised = known.text("source"), known.flag("is_synchronised")
    offset, error = known.number("offset_seconds"), known.number("error_seconds")
    advice = "chronyc sources shows who answers; does the firewall let UDP 123 out?"
    if known.trouble:
        yield unknown("clock", known.trouble)
    elif not source and not asked.is_upgrade:
        yield skipped("clock", "nothing keeps it yet: the installation sets chrony up")
    elif not source:
        yield warning("clock", "nothing keeps it", "install chrony: the role time_sync does")
    elif not synchronised:
        yield warning("clock", f"{source} has no server that it follows", advice)
    elif offset is None:
        yield ok("clock", f"kept by {source}, which does not tell its offset")
    else:
        value = f"off by {offset:.3f} s, at most {offset + (error or 0):.3f} s"
        # How wrong it may be at most is no reason to refuse: it is an estimate of the worst.
        if offset > limits.clock_critical.total_seconds():
            yield critical("clock", value, "chronyc makestep, while SPSE is stopped")
        elif offset + (error or 0) > limits.clock_warning.total_seconds():
            yield warning("clock", value, advice)
        else:
            yield ok("clock", value)
    yield from _compare_clocks(known.number("now"), asked)


def _compare_clocks(there: float | None, asked: Asked) -> Iterator[Check]:
    """Beside the clock of the machine that asks, which costs nothing."""
    if asked.clock_between is None:
        return
    try:
        told = datetime.fromtimestamp(there or 0, UTC)
    except (OverflowError, ValueError, OSError):
        told = datetime.fromtimestamp(0, UTC)
    before, after = asked.clock_between
    apart = max(before - told, told - after, timedelta(0))
    value = f"{apart.total_seconds():.1f} s beside this machine's"
    if apart > asked.thresholds.clock_critical:
        yield warning("clock-beside", value, "one of the two is wrong: date; chronyc tracking")
    else:
        yield ok("clock-beside", value)
