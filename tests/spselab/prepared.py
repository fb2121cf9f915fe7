"""A host on which Debian's packages are, and nothing of them is configured: quick to begin with.

For tests that are not about fetching packages.  ``python -m tests.spselab.prepared`` prints where
the template is.
"""

from pathlib import Path

from tests.lab.lab import Host, Lab
from tests.lab.template import find_template

PACKAGES = (
    "apache2",
    "chrony",
    "default-jre-headless",
    "postgresql",
    "python3-venv",
    "unattended-upgrades",
)


def find_prepared() -> Path:
    """Return the template; the first one to ask builds it in half a minute, others wait."""
    return find_template("prepared", " ".join(PACKAGES), _prepare)


def bring_up_prepared(lab: Lab, *names: str) -> list[Host]:
    """Hosts with the packages on them, for which apt knows all of Debian."""
    hosts = lab.up(*names, template=find_prepared())
    for host in hosts:
        host.reach_debian(update=False)
    return hosts


def _prepare(host: Host) -> None:
    host.reach_debian()
    install = "DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends"
    host.run("sh", "-c", f"{install} {' '.join(PACKAGES)} && apt-get clean", timeout_seconds=600)


if __name__ == "__main__":
    print(find_prepared())
