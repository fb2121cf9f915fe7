"""The guides of the README that need a server, typed as they stand there."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.lab import Host, Lab
from tests.spselab import guide
from tests.spselab.controller import ROOT
from tests.spselab.prepared import bring_up_prepared
from tests.spselab.wheels import find_wheels
from tests.standin.build import Package

README = ROOT / "README.md"
# What the lab cannot give, or what keeps it small; said where the guide's reader says nothing.
LAB_VARIABLES = {
    "ansible_python_interpreter": "/usr/bin/python3",
    "time_sync_options": "-x",
    "postgresql_memory_mb": 512,
    "hardening_sysctl": {"net.ipv4.tcp_syncookies": 1},
}

pytestmark = pytest.mark.xdist_group("spse-fleet")


def test_the_guides_commands_do_what_they_say(
    lab: Lab, packages: dict[str, Package], tmp_path: Path
):
    [host] = bring_up_prepared(lab, "guide")
    try:
        said = _type_it(host, packages, tmp_path)
    finally:
        host.remove()
    for heading in guide.SECTIONS["README.md"]:
        untold = [line for line in guide.shown(README, heading) if _blur(line) not in said]
        assert untold == [], "\n".join(said)


def _type_it(host: Host, packages: dict[str, Package], folder: Path) -> list[str]:
    """Run both guides; return the lines that were said, blurred."""
    site = folder / "lpse"
    text = "set -eu -o pipefail\n"
    for heading in guide.SECTIONS["README.md"]:
        text += guide.script(README, heading)
    first, _, rest = text.partition("cd /srv/lpse\n")
    # What the reader has beside: packages, wheels, a key that the server knows.
    bring = f"{first}cd /srv/lpse\nbash {folder}/bring.sh\n{rest}"
    (folder / "guide.sh").write_text(
        bring.replace("/srv/lpse", str(site)).replace("203.0.113.10", host.address)
    )
    _write_what_is_brought(host, packages, folder, site)
    done = subprocess.run(
        ["bash", folder / "guide.sh"],
        cwd=folder,
        env=_environment(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-6000:]
    (folder / "said.txt").write_text(done.stdout)
    assert (site / "catatan-perubahan.pdf").read_bytes().startswith(b"%PDF")
    return [_blur(line) for line in done.stdout.splitlines()]


def _write_what_is_brought(
    host: Host, packages: dict[str, Package], folder: Path, site: Path
) -> None:
    lines = [f"mkdir -p {site}/inventory/group_vars", f"ln -s {find_wheels()} {site}/wheels"]
    for name in ("spse-4.4", "spse-4.5"):
        archive = packages[name].archive
        lines.append(f"cp {archive} {site}/{name}.tar.gz")
        lines.append(f"echo {packages[name].sha256} > {site}/{name}.tar.gz.sha256")
    login = host.ansible_variables()
    variables = {key: login[key] for key in login if key not in ("ansible_host", "ansible_user")}
    # In JSON, which is YAML.
    everybody = json.dumps({**variables, **LAB_VARIABLES})
    lines.append(f"cat > {site}/inventory/group_vars/all.yml <<'YAML'\n{everybody}\nYAML")
    (folder / "bring.sh").write_text("\n".join(lines) + "\n")
    programs = folder / "bin"
    programs.mkdir()
    # Its first word is the address of the guide's server.
    ssh = f'#!/bin/sh\nshift\nexec {shutil.which("ssh")} {" ".join(host.ssh_argv()[1:])} "$@"\n'
    (programs / "ssh").write_text(ssh)
    (programs / "ssh").chmod(0o755)


def _environment(folder: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("LPSE_OPS_")}
    path = [str(folder / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
    return {
        **kept,
        "PATH": os.pathsep.join(path),
        "LPSE_OPS_STATE": str(folder / "state"),
        "NO_COLOR": "1",
        "COLUMNS": "140",
    }


def _blur(line: str) -> str:
    """Without what differs from run to run, and the quotes of a list that a task shows."""
    without = re.sub(r"\b(Mon|Tue|Wed|Thu|Fri)\b", "Day", line.strip().strip('",'))
    return re.sub(r"[0-9a-f]{8,64}|[0-9][0-9.:,]*", "0", without).replace(" ", "")
