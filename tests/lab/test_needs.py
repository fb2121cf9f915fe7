from pathlib import Path

from tests.lab.needs import PROGRAMS, say_missing

SETUP = Path(__file__).parents[2] / "setup.sh"
# Every Debian has it.
ESSENTIAL = {"util-linux"}


def test_what_is_missing_is_said_with_what_to_type(tmp_path):
    for name in PROGRAMS.keys() - {"mmdebstrap", "ssh", "ssh-keygen"}:
        (tmp_path / name).touch(mode=0o755)
    said = say_missing(PROGRAMS, str(tmp_path))
    assert said == "needs: apt-get install --no-install-recommends mmdebstrap openssh-client"
    assert say_missing(("sshd", "ip"), str(tmp_path)) is None


def test_setup_installs_all_of_it():
    installed = {line.rpartition("echo ")[2] for line in SETUP.read_text().splitlines()}
    assert set(PROGRAMS.values()) - ESSENTIAL <= installed
