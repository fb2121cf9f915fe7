"""The README's commands for portable disks, run as they stand there on a real disk.

In a mount namespace of its own, as ``test_readme`` does; only the name of the device is another.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.backup.cheap_repository import ID, PASSWORD, init_cheaply
from tests.backup.portabledisks import make_disk
from tests.cli.commands import clean_environment
from tests.test_readme import DISKS, ELSEWHERE, PREPARE, ROOT

COMMANDS = [command for command, place in ELSEWHERE.items() if place == DISKS]
SETTINGS = f"""\
site: {{name: LPSE Contoh, slug: lpse-contoh, time_zone: WITA}}
backup:
  password_file: /mnt/password
  destinations:
    - name: disk-a
      location: /mnt/disk-a/repo
      repository_id: {ID}
"""
BEGIN = f"""\
mkdir -p /etc/lpse-ops /mnt/disk-a
cp -r "$REPOSITORY" /mnt/disk-a/repo
(umask 077; echo {PASSWORD} > /mnt/password)
cat > /etc/lpse-ops/lpse-ops.yml <<'YAML'
{SETTINGS}YAML
"""


@pytest.mark.parametrize("name", ["README.md", "README.id.md"])
def test_the_commands_stand_in_the_readme_in_their_order(name: str) -> None:
    text = (ROOT / name).read_text()
    places = [text.index(f"\n{command}") for command in COMMANDS]
    assert places == sorted(places)
    assert len(COMMANDS) == 5


def test_the_commands_run_in_their_order(tmp_path: Path) -> None:
    repository = init_cheaply(tmp_path / "repository")
    (tmp_path / "documents").mkdir()
    (tmp_path / "overlay").mkdir()
    (tmp_path / "prepare.sh").write_text(PREPARE)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with make_disk(tmp_path / "b.img") as disk:
        script = "\n".join(COMMANDS).replace("/dev/sdb1", disk.plug())
        (tmp_path / "run.sh").write_text(f"{BEGIN}{script}\n")
        done = subprocess.run(
            [
                *("unshare", "--mount", "bash", tmp_path / "prepare.sh", tmp_path / "overlay"),
                *(tmp_path / "documents", tmp_path / "run.sh"),
            ],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=clean_environment()
            | {
                "PATH": path,
                "REPOSITORY": str(repository),
                "LPSE_OPS_STATE": str(tmp_path / "state"),
            },
        )
    said = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == 0, said
    header = "DISK    LABEL           STATE           KEPT AT        CARRIED BY"
    assert header in said
    assert header in (ROOT / "README.md").read_text()
    assert "disk-b  Disk B (merah)  at /mnt/disk-b  Brankas Setda" in said
    assert "hand-over recorded: Budi Santoso carries disk-b to Brankas Setda" in said
    assert "disk-b is mounted at /mnt/disk-b" in said
