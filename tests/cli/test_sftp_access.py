"""Backups over SFTP as a user makes them, read and written by stock restic as well."""

import filecmp
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backup.cheap_repository import PASSWORD, init_cheaply
from tests.backup.storage.sftpservers import SftpServer, open_sftp_server
from tests.cli.commands import Ended, lpse_ops
from tests.restic_binaries import Restic


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SftpServer]:
    with open_sftp_server(tmp_path_factory.mktemp("sftp") / "sshd") as opened:
        yield opened


class Site:
    """A site whose one destination is over SFTP."""

    def __init__(self, folder: Path, server: SftpServer, password: Path, docs: Path) -> None:
        self.root = folder / "offsite"
        self.location = f"sftp:quick:{self.root}"
        self.server = server
        self._state = folder / "state"
        self._settings = folder / "lpse-ops.yml"
        self.write(f"-F {server.sshd.ssh_config}", password, docs)

    def write(self, ssh_options: str, password: Path, docs: Path, more: str = "") -> None:
        self._settings.write_text(
            "site: {name: LPSE Kabupaten Contoh, slug: lpse-contoh, time_zone: WITA}\n"
            "backup:\n"
            f"  paths: [{docs}]\n"
            f"  password_file: {password}\n"
            "  destinations:\n"
            f"    - {{name: offsite, location: '{self.location}',\n"
            f"       sftp: {{ssh_options: '{ssh_options}'}}{more}}}\n"
        )

    def run(self, *args: str | Path) -> Ended:
        state = {"LPSE_OPS_STATE": str(self._state)}
        return lpse_ops("--settings", self._settings, "backup", *args, env=state)

    def restic(self, restic: Restic, *args: str | Path) -> str:
        command = f"ssh -F {self.server.sshd.ssh_config} quick -s sftp"
        done = restic.run(
            "-o", f"sftp.command={command}", *args, repo=self.location, password=PASSWORD
        )
        return done.stdout.decode()


@pytest.fixture
def site(tmp_path: Path, server: SftpServer, password: Path, docs: Path) -> Site:
    return Site(tmp_path, server, password, docs)


def test_restic_reads_what_we_write_and_the_reverse(
    site: Site, restic: Restic, docs: Path, tmp_path: Path
) -> None:
    init_cheaply(site.root)
    made = site.run("run", "--format", "json")
    assert made.code == 0, made.stderr
    assert "no errors were found" in site.restic(restic, "check", "--read-data")
    site.restic(restic, "restore", "latest", "--target", tmp_path / "back")
    assert not filecmp.dircmp(docs, tmp_path / "back" / docs.relative_to("/")).diff_files
    # Now restic writes, and we read, check, thin out and restore.
    (docs / "three.pdf").write_bytes(b"x" * 100_000)
    site.restic(restic, "backup", "--host", "lpse-contoh", docs)
    listed = site.run("snapshots", "--format", "json")
    assert listed.code == 0, listed.stderr
    assert site.run("check", "--read-data").code == 0
    restored = site.run("restore", "latest", "--target", tmp_path / "ours")
    assert restored.code == 0, restored.stderr
    ours = tmp_path / "ours" / docs.relative_to("/")
    assert (ours / "three.pdf").read_bytes() == b"x" * 100_000
    pruned = site.run("forget", "--keep-last", "1", "--prune")
    assert pruned.code == 0, pruned.stderr
    assert "no errors were found" in site.restic(restic, "check", "--read-data")
    assert not list((site.root / "locks").iterdir())


def test_init_makes_a_repository_that_restic_opens(site: Site, restic_old: Restic) -> None:
    made = site.run("init")
    assert made.code == 0, made.stderr
    assert len(list((site.root / "data").iterdir())) == 256
    assert "no errors were found" in site.restic(restic_old, "check")


def test_an_unknown_host_key_is_refused_at_once(
    site: Site, server: SftpServer, password: Path, docs: Path, tmp_path: Path
) -> None:
    (tmp_path / "known_hosts").touch()
    config = tmp_path / "config"
    text = server.sshd.ssh_config.read_text()
    config.write_text(text.replace(str(server.sshd.known_hosts), str(tmp_path / "known_hosts")))
    site.write(f"-F {config}", password, docs)
    refused = site.run("snapshots")
    assert refused.code == 1
    assert "host key of 127.0.0.1 is not known: ssh-ed25519 SHA256:" in refused.stderr
    assert f"ssh-keyscan -p {server.sshd.port} 127.0.0.1 >> " in refused.stderr


def test_a_login_that_is_refused_is_told_at_once(
    site: Site, server: SftpServer, password: Path, docs: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config"
    text = server.sshd.ssh_config.read_text()
    config.write_text(text.replace(str(server.sshd.key_file), str(tmp_path / "no_key")))
    site.write(f"-F {config}", password, docs)
    refused = site.run("snapshots")
    assert refused.code == 1
    assert "there is no key or password to log in as" in refused.stderr
    # Nor is advice given that is for playbooks.
    assert "IdentityFile" in refused.stderr
    assert "ansible_" not in refused.stderr
    assert "--private-key" not in refused.stderr


@pytest.mark.parametrize("option", ["", " -o ExitOnForwardFailure=no"])
def test_a_host_key_that_changed_is_refused_by_both_ways_to_connect(
    site: Site, server: SftpServer, password: Path, docs: Path, tmp_path: Path, option: str
) -> None:
    """An option that only OpenSSH knows makes its program connect."""
    sshd = server.sshd
    kind, key = sshd.host_key.split()
    wrong = key[:-4] + ("AAAA" if key[-4:] != "AAAA" else "BBBB")
    (tmp_path / "known_hosts").write_text(f"[{sshd.host}]:{sshd.port} {kind} {wrong}\n")
    config = tmp_path / "config"
    text = sshd.ssh_config.read_text()
    config.write_text(text.replace(str(sshd.known_hosts), str(tmp_path / "known_hosts")))
    site.write(f"-F {config}{option}", password, docs)
    refused = site.run("snapshots")
    assert refused.code == 1
    assert "changed" in refused.stderr or "verification failed" in refused.stderr


def test_options_that_cannot_be_read_are_told(site: Site, password: Path, docs: Path) -> None:
    site.write('-F "unfinished', password, docs)
    told = site.run("snapshots")
    assert told.code == 78
    assert "sftp.ssh_options" in told.stderr


def test_a_limit_holds_over_sftp(site: Site, password: Path, docs: Path) -> None:
    init_cheaply(site.root)
    site.write(f"-F {site.server.sshd.ssh_config}", password, docs, ", limit: 64MiB/s")
    made = site.run("run")
    assert made.code == 0, made.stderr
    assert len(list((site.root / "snapshots").iterdir())) == 1
