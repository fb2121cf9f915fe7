"""Checks of the network side: names, ports, certificates, and who is there just now."""

import ipaddress
from collections.abc import Iterator

from lpse_ops.spse.certificate import parse_certificate
from lpse_ops.spse.preflightcheck import (
    Asked,
    Check,
    critical,
    ok,
    skipped,
    unknown,
    warning,
)
from lpse_ops.spse.preflightfacts import Facts

_WEB_SERVERS = ("apache2", "httpd", "nginx")
_HTTP, _HTTPS, _POSTGRESQL = 80, 443, 5432
_MAX_ADDRESSES = 3


def judge_names(facts: Facts, asked: Asked) -> Iterator[Check]:
    side = facts.inner("names")
    if side.trouble:
        yield unknown("dns", side.trouble)
    for part in side.parts("found"):
        name, addresses = part.text("name"), part.texts("addresses")
        seconds = part.number("seconds") or 0
        if not addresses:
            advice = "see /etc/resolv.conf and /etc/hosts: getent hosts NAME must give an address"
            yield warning("dns", f"{name}: {part.trouble or 'no address'}", advice)
            continue
        value = f"{name} is {', '.join(addresses[:_MAX_ADDRESSES])}"
        if seconds > asked.thresholds.resolving.total_seconds():
            advice = "a server in /etc/resolv.conf does not answer; SPSE waits for it each time"
            yield warning("dns", f"{value}, after {seconds:.1f} s", advice)
        else:
            yield ok("dns", value)


def judge_ports(facts: Facts, asked: Asked) -> Iterator[Check]:
    side = facts.inner("ports")
    if side.trouble:
        yield unknown("ports", side.trouble)
        return
    listening = [(part.count("port"), part) for part in side.parts("listening")]
    application = facts.inner("site").count("port") or 0
    has_release = facts.inner("release").text("state") not in ("none", "")
    yield _judge_application(
        application, [part for port, part in listening if port == application], has_release, asked
    )
    for port in (_HTTP, _HTTPS):
        yield from _judge_web(port, [part for each, part in listening if each == port], asked)
    open_database = [part for port, part in listening if port == _POSTGRESQL and not _is_own(part)]
    if open_database:
        yield warning(
            f"port-{_POSTGRESQL}",
            f"PostgreSQL listens on {_addresses(open_database)}",
            "listen_addresses = 'localhost' in postgresql.conf, unless another machine needs it",
        )


def _judge_application(port: int, found: list[Facts], has_release: bool, asked: Asked) -> Check:
    id = f"port-{port}"  # noqa: A001
    if not found:
        if not asked.is_upgrade:
            return ok(id, "free for SPSE")
        advice = "start it first: systemctl start spse; else nothing proves that the way back works"
        return warning(id, "SPSE does not listen", advice)
    program = found[0].text("program") or "a program"
    if not asked.is_upgrade and not has_release:
        advice = f"stop {program}, or give SPSE another port: spse_port"
        return critical(id, f"{program} listens there already", advice)
    if not all(map(_is_own, found)):
        value = f"{program} listens on {_addresses(found)}: open past the web server"
        return warning(id, value, "http.address=127.0.0.1 in application.conf, and the firewall")
    return ok(id, f"{program} listens, for this machine only")


def _judge_web(port: int, found: list[Facts], asked: Asked) -> Iterator[Check]:
    id = f"port-{port}"  # noqa: A001
    programs = sorted({part.text("program") for part in found} - {""})
    strangers = [each for each in programs if each not in _WEB_SERVERS]
    if strangers and not asked.is_upgrade:
        advice = f"stop {strangers[0]}: the web server needs the port"
        yield critical(id, f"{', '.join(strangers)} listens there already", advice)
    elif found:
        yield ok(id, f"{', '.join(programs) or 'a program'} listens")
    elif not asked.is_upgrade:
        yield ok(id, "free for the web server")
    elif port == _HTTPS:
        yield warning(id, "nobody listens", "is the web server up? systemctl status apache2 httpd")


def _is_own(part: Facts) -> bool:
    """Whether a listener is for this machine only; what cannot be read counts as open."""
    try:
        return ipaddress.ip_address(part.text("address")).is_loopback
    except ValueError:
        return False


def _addresses(found: list[Facts]) -> str:
    names = {part.text("address") for part in found if not _is_own(part)}
    shown = {"all addresses" if each in ("0.0.0.0", "::") else each for each in names}  # noqa: S104
    return ", ".join(sorted(shown))


def judge_certificates(facts: Facts, asked: Asked) -> Iterator[Check]:
    side = facts.inner("certificates")
    proved = facts.inner("site").texts("pages")
    if side.trouble:
        yield unknown("tls", side.trouble)
    elif not asked.is_upgrade:
        yield skipped("tls", "the installation puts the certificate in place")
    elif not side.parts("found"):
        advice = "say the name: --server-name lpse.contoh.go.id, or a https page in site.json"
        yield unknown("tls", "no name of this server is known", advice)
    else:
        for part in side.parts("found"):
            yield _judge_certificate(part, asked, is_proved=part.text("name") in proved)


def _judge_certificate(part: Facts, asked: Asked, *, is_proved: bool) -> Check:
    name = part.text("name")
    found = parse_certificate(part.whole_text("der"))
    renew = "renew it, put it where the web server has it, and reload that"
    if found is None:
        # Without an answer there is no page, and without that no proof.
        say = critical if is_proved else warning
        why = part.trouble or "what it shows is no certificate"
        return say("tls", f"{name}: {why}", "systemctl status apache2 httpd nginx")
    left = found.not_after - asked.now
    value = f"{name}: until {found.not_after:%Y-%m-%d} ({left.days} days)"
    if left.total_seconds() <= 0:
        return critical("tls", f"{name}: ended on {found.not_after:%Y-%m-%d}", renew)
    if found.not_before > asked.now:
        advice = "see whether the clock is right"
        return critical("tls", f"{name}: valid only from {found.not_before:%Y-%m-%d}", advice)
    if not found.fits(name):
        value = f"{name}: the certificate is for {', '.join(found.names[:4]) or 'no name'}"
        say = critical if is_proved else warning
        return say("tls", value, "get one for this name; is it the right virtual host?")
    refused = part.text("refused")
    if refused and is_proved:
        advice = "the health proof would refuse it: name its authority as ca_file in site.json"
        return critical("tls", f"{value}, but {refused}", advice)
    if refused:
        return warning("tls", f"{value}, but {refused}", "browsers will warn of it, too")
    if left < asked.thresholds.certificate_left:
        return warning("tls", value, renew)
    return ok("tls", value)


def judge_visitors(facts: Facts, asked: Asked) -> Iterator[Check]:
    """Who asked lately, and is connected: sessions of SPSE cannot be counted (assumption H8)."""
    side, ports = facts.inner("visitors"), facts.inner("ports")
    addresses, requests = side.count("addresses"), side.count("requests")
    connected = ports.count("connected_peers")
    if not asked.is_upgrade:
        yield skipped("visitors", "nobody is served yet")
    elif addresses is None or not side.count("read"):
        shown = f"; {connected} addresses are connected" if connected else ""
        why = side.trouble or "no log of the web server could be read"
        yield unknown("visitors", why + shown)
    elif addresses or connected:
        value = f"{addresses} addresses asked {requests} times lately, {connected or 0} are here"
        yield warning("visitors", value, "tell them before: SPSE announcements; choose the night")
    else:
        yield ok("visitors", "nobody lately")
