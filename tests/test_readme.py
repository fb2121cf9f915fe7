"""Every command of the README is run as it stands there, in its order.

In a mount namespace of its own, where /etc, /home, /mnt and /srv are overlays: what the commands
write there is gone when they end.  The sections that need a server of their own are typed on a
machine of the lab (tests/spselab/test_guide.py).
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lpse_ops.postgres.installation import Installation
from lpse_ops.spse.sample import write_sql
from lpse_ops.spse.sample_documents import write_documents
from tests.postgres.conftest import system_installation
from tests.postgres.servers import Server, open_server
from tests.restic_binaries import Restic
from tests.spselab import guide

__all__ = ["system_installation"]

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
DISKS = "tests/cli/test_readme_disks.py"
# Run by other means: test_demo.py runs the demo, setup.sh installs, and this is the test run.
ELSEWHERE = {
    "make demo": "tests/cli/test_demo.py",
    "make test": "this run",
    "python3 -m venv /opt/lpse-ops": "setup.sh",
    "/opt/lpse-ops/bin/pip install .": "setup.sh",
    "ln -s /opt/lpse-ops/bin/lpse-ops /usr/local/bin/": "a plain link",
    "lpse-ops backup disk init /dev/sdb1 --name disk-b --label 'Disk B (merah)' "
    "--kept-at 'Brankas Setda'": DISKS,
    "lpse-ops backup sync disk-b": DISKS,
    "lpse-ops backup disk list": DISKS,
    "lpse-ops backup disk eject disk-b --to 'Brankas Setda' --by 'Budi Santoso'": DISKS,
    "lpse-ops backup disk mount disk-b": DISKS,
    **guide.BY_OTHERS,
}
PREPARE = """\
set -eu
mount --make-rprivate /
mount -t tmpfs none "$1"
for folder in etc home mnt srv run; do
    mkdir -p "$1/$folder/new" "$1/$folder/work"
    layers="lowerdir=/$folder,upperdir=$1/$folder/new,workdir=$1/$folder/work"
    mount -t overlay -o "$layers" none "/$folder"
done
mkdir -p /home/file /home/appserv/spse/conf
cp -r "$2" /home/file/file_prod
echo 'http.port=9090' > /home/appserv/spse/conf/application.conf
echo Welcome > /etc/motd
# Where a server listens on a machine that we only reach, and know no variables of.
mkdir -p /run/postgresql
if [ -n "${PGHOST-}" ]; then
    ln -s "$PGHOST/.s.PGSQL.$PGPORT" /run/postgresql/.s.PGSQL.5432
fi
cd /
bash -e -u -o pipefail "$3"
"""


def blocks(path: Path) -> list[tuple[str, str]]:
    """Language and text of every fenced block."""
    return blocks_of(path.read_text())


def blocks_of(text: str) -> list[tuple[str, str]]:
    return [(match[1], match[2]) for match in BLOCK.finditer(text)]


def commands(text: str) -> list[str]:
    return [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]


def answers(path: Path, heading: str) -> list[str]:
    """What a section shows as output, for each command that it shows any of."""
    section = path.read_text().partition(f"\n### {heading}\n")[2].partition("\n### ")[0]
    consoles = [match[2] for match in BLOCK.finditer(section) if match[1] == "console"]
    shown = re.split(r"^\$ .*\n", "".join(consoles), flags=re.MULTILINE)
    return [text for text in shown if text]


def script() -> str:
    """The README as a shell script: its commands, and its settings written where they belong."""
    lines = []
    for language, text in blocks_of(guide.without_sections(ROOT / "README.md")):
        if language == "yaml":
            path = text.partition("\n")[0].removeprefix("# ")
            lines.append(f"cat > {shlex.quote(path)} <<'YAML'\n{text}YAML")
        elif language == "console":
            for command in commands(text):
                lines += [f"echo {shlex.quote('README: ' + command)} >&2", command]
    return "\n".join(lines) + "\n"


@pytest.fixture
def spse(system_installation: Installation) -> Iterator[Server]:
    """A server of its own, with the database that the README names."""
    with open_server(system_installation) as server:
        yield server


def test_every_command_of_the_readme_runs(spse: Server, restic_new: Restic, tmp_path: Path):
    documents = write_documents(tmp_path / "file_prod", 2, seed=1)
    sql = tmp_path / "spse.sql"
    with sql.open("wb") as file:
        write_sql(file, 1, seed=1, documents=documents)
    url = spse.cluster.url("postgres")
    spse.execute("CREATE DATABASE epns_prod")
    target = spse.cluster.url("epns_prod")
    psql = ["psql", "--quiet", "--set=ON_ERROR_STOP=1", f"--dbname={target}", f"--file={sql}"]
    subprocess.run(psql, check=True, capture_output=True)
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "restic").symlink_to(restic_new.path)
    for name, content in (("prepare.sh", PREPARE), ("readme.sh", script())):
        (tmp_path / name).write_text(content)
    (tmp_path / "overlay").mkdir()
    path = [programs, Path(sys.executable).parent, spse.installation.folder]
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("LPSE_OPS_")},
        "PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]]),
        **_libpq_environment(url),
        "LPSE_OPS_STATE": str(tmp_path / "state"),
    }
    done = subprocess.run(
        [
            *("unshare", "--mount", "bash", tmp_path / "prepare.sh", tmp_path / "overlay"),
            *(tmp_path / "file_prod", tmp_path / "readme.sh"),
        ],
        capture_output=True,
        env=environment,
        stdin=subprocess.DEVNULL,
    )
    last = done.stderr.decode(errors="replace")[-2000:]
    assert done.returncode == 0, last
    assert b"restored into epns_check" in done.stdout
    assert b"verified" in done.stdout
    printed = "\n".join(line.rstrip() for line in done.stdout.decode().splitlines())
    shown = answers(ROOT / "README.md", "Run playbooks")
    assert len(shown) == 3
    shown += answers(ROOT / "README.md", "Validate an inventory in CI")
    assert len(shown) == 4
    assert [text for text in shown if text not in printed] == []


def _libpq_environment(url: str) -> dict[str, str]:
    """What lets ``postgresql:///epns_prod`` reach the test's own server."""
    found = re.fullmatch(r"postgresql://(\w+)@/\w+\?host=([^&]+)&port=(\d+)", url)
    assert found is not None
    return {"PGUSER": found[1], "PGHOST": found[2].replace("%2F", "/"), "PGPORT": found[3]}


def test_what_is_not_run_here_is_run_elsewhere():
    plain = [text for language, text in blocks(ROOT / "README.md") if language == ""]
    found = {line.partition("#")[0].strip() for text in plain for line in text.splitlines()}
    assert found == set(ELSEWHERE)


def test_both_readmes_have_the_same_commands():
    def told(name: str) -> list[str]:
        return [line for kind, text in blocks(ROOT / name) if kind for line in commands(text)]

    assert told("README.id.md") == told("README.md")


@pytest.mark.parametrize("name", ["README.md", "README.id.md"])
def test_links_lead_to_headings_and_files_that_are_there(name: str):
    text = re.sub(BLOCK, "", (ROOT / name).read_text())
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}
    links = [each for each in re.findall(r"\]\(([^)]+)\)", text) if "://" not in each]
    assert len(links) > 25
    for link in links:
        path, _, anchor = link.partition("#")
        assert (ROOT / path).exists() if path else anchor in anchors, link


def test_both_readmes_show_the_same_files_and_answers():
    english = answers(ROOT / "README.md", "Run playbooks")
    assert answers(ROOT / "README.id.md", "Menjalankan playbook") == english
    english = answers(ROOT / "README.md", "Validate an inventory in CI")
    assert answers(ROOT / "README.id.md", "Memvalidasi inventaris di CI") == english

    def files(name: str) -> list[str]:
        yaml = [text for kind, text in blocks(ROOT / name) if kind == "yaml"]
        # The comments of the settings are translated.
        return [text for text in yaml if not text.startswith("# /etc/lpse-ops/lpse-ops.yml")]

    assert files("README.id.md") == files("README.md")
