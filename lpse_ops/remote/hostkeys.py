"""Decides whether the machine that answers is the one that was asked for.

Plain keys and host certificates are judged by ``known_hosts`` as OpenSSH judges them.  Nobody is
asked: what is not known is refused, with the lines to type.
"""

import base64
import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    SSHCertificate,
    SSHCertificateType,
    load_ssh_public_identity,
)

from lpse_ops.errors import HostUnreachable
from lpse_ops.remote.knownhosts import (
    Entry,
    Trust,
    authorities_for,
    entries_for,
    fingerprint,
    is_revoked,
    judge_key,
    lookup_names,
)
from lpse_ops.remote.sshconfig import SshSettings

_CERTIFICATE = "-cert-v01@openssh.com"
_RSA = ("rsa-sha2-512", "rsa-sha2-256")
# In the order in which OpenSSH would rather have them; no SHA-1.
_KINDS = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    *_RSA,
)


@dataclass(frozen=True)
class HostKey:
    """What a machine has shown: kind and blob of its key, or of its certificate."""

    kind: str
    blob: bytes

    @property
    def is_certificate(self) -> bool:
        return self.kind.endswith(_CERTIFICATE)


def names_of(settings: SshSettings) -> tuple[str, ...]:
    return lookup_names(settings.host, settings.port, settings.host_key_alias)


def preferred_kinds(entries: Sequence[Entry], names: Sequence[str]) -> tuple[str, ...]:
    """The kinds of host keys to ask for: first those that can be checked."""
    certificates = tuple(f"{kind}{_CERTIFICATE}" for kind in _KINDS)
    known = {each.kind for each in entries_for(entries, names) if not each.marker}
    if "ssh-rsa" in known:
        known.update(_RSA)
    first = tuple(kind for kind in _KINDS if kind in known)
    others = tuple(kind for kind in _KINDS if kind not in known)
    wanted = certificates if authorities_for(entries, names) else ()
    return (*wanted, *first, *others)


def check_host_key(
    key: HostKey, settings: SshSettings, entries: Sequence[Entry], now: datetime
) -> bool:
    """Return True when the key is trusted, False when it is new; HostUnreachable when it is bad."""
    names = names_of(settings)
    if key.is_certificate:
        _check_certificate(key, settings, entries, now)
        return True
    verdict = judge_key(entries, names, key.kind, key.blob)
    if verdict.trust is Trust.CHANGED and verdict.entry is not None:
        raise HostUnreachable(
            f"the host key of {settings.host} has changed: {key.kind} {fingerprint(key.blob)} "
            f"is not what stands in {verdict.entry.place}; somebody may be in between",
            hint=f"if the machine was reinstalled: ssh-keygen -R '{names[0]}', "
            f"then {_learn(settings)}",
        )
    if verdict.trust is Trust.REVOKED and verdict.entry is not None:
        raise _revoked(settings, key.blob)
    return verdict.trust is Trust.TRUSTED


def unknown_key(key: HostKey, settings: SshSettings) -> HostUnreachable:
    """The error for a machine that nobody has vouched for."""
    return HostUnreachable(
        f"the host key of {settings.host} is not known: {key.kind} {fingerprint(key.blob)}",
        hint=f"compare the fingerprint with the machine's own, then {_learn(settings)}",
    )


def _learn(settings: SshSettings) -> str:
    """The command that trusts a machine."""
    file = settings.known_hosts[0] if settings.known_hosts else "~/.ssh/known_hosts"
    return f"ssh-keyscan -p {settings.port} {settings.host} >> {file}"


def _revoked(settings: SshSettings, blob: bytes) -> HostUnreachable:
    return HostUnreachable(
        f"the host key of {settings.host} is revoked: {fingerprint(blob)}",
        hint="give the machine a new host key; do not connect to it before",
    )


def _check_certificate(
    key: HostKey, settings: SshSettings, entries: Sequence[Entry], now: datetime
) -> None:
    names = names_of(settings)
    certificate = _parse(key)
    if certificate is None:
        raise _bad_certificate(settings, "its signature is wrong")
    authority = _blob_of(certificate.signature_key())
    own = _blob_of(certificate.public_key())
    if is_revoked(entries, names, (authority, own, key.blob)):
        raise _revoked(settings, own)
    if authority not in [each.blob for each in authorities_for(entries, names)]:
        raise _bad_certificate(settings, f"nobody trusts its signer {fingerprint(authority)}")
    problem = certificate_problem(certificate, settings.host_key_alias or settings.host, now)
    if problem:
        raise _bad_certificate(settings, problem)


def _parse(key: HostKey) -> SSHCertificate | None:
    """The certificate, if it carries a good signature."""
    line = b" ".join((key.kind.encode(), base64.b64encode(key.blob)))
    try:
        certificate = load_ssh_public_identity(line)
        if not isinstance(certificate, SSHCertificate):
            return None
        certificate.verify_cert_signature()
    except (ValueError, InvalidSignature, UnsupportedAlgorithm):
        return None
    return certificate


def certificate_problem(certificate: SSHCertificate, host: str, now: datetime) -> str:
    """Why a certificate does not hold for a host now; empty if it does."""
    principals = [each.decode("utf-8", "replace").lower() for each in certificate.valid_principals]
    moment = now.astimezone(UTC).timestamp()
    if certificate.type is not SSHCertificateType.HOST:
        return "it is not for hosts"
    if certificate.critical_options:
        return "it asks for what is not known here"
    if not certificate.valid_after <= moment < certificate.valid_before:
        return "it is not valid now"
    # Only * and ? are patterns there.
    patterns = [each.replace("[", "[[]") for each in principals]
    if not any(fnmatch.fnmatchcase(host.lower(), each) for each in patterns):
        return f"it is for {', '.join(principals) or 'nobody'}"
    return ""


def _bad_certificate(settings: SshSettings, problem: str) -> HostUnreachable:
    return HostUnreachable(
        f"the host certificate of {settings.host} is not accepted: {problem}",
        hint=f"see it with `ssh -v -p {settings.port} {settings.host}`, and sign it anew",
    )


def _blob_of(public_key: object) -> bytes:
    raw: bytes = public_key.public_bytes(  # type: ignore[attr-defined] # every kind has it
        Encoding.OpenSSH, PublicFormat.OpenSSH
    )
    return base64.b64decode(raw.split()[1])
