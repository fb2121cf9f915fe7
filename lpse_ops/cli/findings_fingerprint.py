"""Names of findings that stay the same while lines move, and that no two of them share."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator

from lpse_ops.finding import Finding


def with_fingerprints(findings: Iterable[Finding]) -> Iterator[tuple[Finding, str]]:
    """Each finding with its fingerprint; the second one of the same kind is told apart."""
    seen: Counter[str] = Counter()
    for each in findings:
        said = "\0".join((each.rule, each.origin.file, each.subject, each.message))
        seen[said] += 1
        content = f"{said}\0{seen[said]}".encode("utf-8", "backslashreplace")
        yield each, hashlib.sha256(content).hexdigest()
