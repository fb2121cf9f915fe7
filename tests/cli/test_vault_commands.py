import os
import pty
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from lpse_ops.vault import Vault, VaultSecret, seal
from tests.ansible_vault import ansible_vault
from tests.cli.commands import PROGRAM, Ended, clean_environment, lpse_ops

PASSWORD = b"sandi rahasia"
VAULT = Vault([VaultSecret("default", PASSWORD), VaultSecret("prod", b"sandi prod")])
PLAIN = "kunci: nilai é\n".encode()
EDITOR = """#!/bin/sh
# Says what it saw, leaves files as editors do, and changes the text.
{{ stat -c '%a' "$(dirname "$1")" "$1"; dirname "$1"; basename "$1"; cat "$1"; }} > "{seen}"
cp "$1" "$1.swp"
{action}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Passwords, and a file that is encrypted with the first."""
    (tmp_path / "password").write_bytes(PASSWORD + b"\n")
    (tmp_path / "prod").write_bytes(b"sandi prod\n")
    (tmp_path / "secret.yml").write_bytes(seal(PLAIN, PASSWORD))
    (tmp_path / "secret.yml").chmod(0o640)
    return tmp_path


@pytest.fixture
def vault(folder: Path):
    """Runs a command with both passwords, in that folder."""

    def run_vault(name: str, *args: str | Path, **options) -> Ended:
        ids = [f"--vault-id=default@{folder}/password", f"--vault-id=prod@{folder}/prod"]
        return lpse_ops("vault", name, *ids, *args, cwd=folder, **options)

    return run_vault


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def set_editor(folder: Path, action: str) -> dict[str, str]:
    path = folder / "editor"
    path.write_text(EDITOR.format(seen=folder / "seen", action=action))
    path.chmod(0o700)
    return {"EDITOR": str(path)}


def test_view_shows_several_files_and_leaves_them(folder, vault):
    (folder / "prod.yml").write_bytes(seal(b"two\n", b"sandi prod", vault_id="prod"))
    before = (folder / "secret.yml").read_bytes()
    ended = vault("view", "secret.yml", "prod.yml")
    assert (ended.code, ended.stdout, ended.stderr) == (0, PLAIN.decode() + "two\n", "")
    assert (folder / "secret.yml").read_bytes() == before


def test_view_reads_standard_input_and_the_environment(folder):
    ended = lpse_ops(
        "vault",
        "view",
        stdin=seal(b"one\n", b"sandi prod", vault_id="prod").decode(),
        env={
            "ANSIBLE_VAULT_PASSWORD_FILE": str(folder / "password"),
            "ANSIBLE_VAULT_IDENTITY_LIST": f"prod@{folder}/prod",
        },
    )
    assert (ended.code, ended.stdout) == (0, "one\n")


def test_passwords_come_from_ansible_cfg_too(folder):
    (folder / "ansible.cfg").write_text(
        f"[defaults]\nvault_identity_list = prod@{folder}/prod\nvault_password_file = password\n"
    )
    (folder / "prod.yml").write_bytes(seal(b"two\n", b"sandi prod", vault_id="prod"))
    ended = lpse_ops("vault", "view", "secret.yml", "prod.yml", cwd=folder)
    assert (ended.code, ended.stdout) == (0, PLAIN.decode() + "two\n")
    # A source that is named twice is read once, so that there is one secret to encrypt with.
    (folder / "ansible.cfg").write_text("[defaults]\nvault_password_file = password\n")
    twice = f"--vault-password-file={folder}/password"
    ended = lpse_ops("vault", "encrypt", twice, cwd=folder, stdin="x")
    assert (ended.code, VAULT.decrypt(ended.stdout, "x")) == (0, b"x")


def test_vault_identity_labels_password_files(folder):
    env = {"ANSIBLE_VAULT_IDENTITY": "site"}
    file = f"--vault-password-file={folder}/password"
    ended = lpse_ops("vault", "encrypt", file, env=env, stdin="x")
    assert ended.stdout.startswith("$ANSIBLE_VAULT;1.2;AES256;site\n")


def test_encrypt_in_place_is_for_the_owner_only_and_ansible_reads_it(folder, vault):
    for name in ("one.yml", "two.yml"):
        (folder / name).write_bytes(PLAIN)
        (folder / name).chmod(0o644)
    (folder / "link.yml").symlink_to("two.yml")
    ended = vault("encrypt", "--encrypt-vault-id=prod", "one.yml", "link.yml")
    assert (ended.code, ended.stdout, ended.stderr) == (0, "", "Encryption successful\n")
    assert (folder / "link.yml").is_symlink()
    assert mode(folder / "one.yml") == 0o600
    args = ("view", f"--vault-id=prod@{folder}/prod", folder / "one.yml", folder / "two.yml")
    assert ansible_vault(*args).stdout == PLAIN.decode() * 2


def test_the_plaintext_that_was_there_is_overwritten(folder, vault):
    path = folder / "plain.yml"
    path.write_bytes(PLAIN)
    with path.open("rb") as old:
        assert vault("encrypt", "--encrypt-vault-id=prod", "plain.yml").code == 0
        assert old.read() == bytes(len(PLAIN))


def test_another_name_of_the_file_keeps_its_content(folder, vault):
    path = folder / "plain.yml"
    path.write_bytes(PLAIN)
    (folder / "other.yml").hardlink_to(path)
    assert vault("encrypt", "--encrypt-vault-id=prod", "plain.yml").code == 0
    assert (folder / "other.yml").read_bytes() == PLAIN


def test_standard_input_is_encrypted_to_standard_output_and_back(folder, vault):
    sealed = vault("encrypt", "--encrypt-vault-id=default", stdin="a: b\n", env={"COLUMNS": "40"})
    assert VAULT.decrypt(sealed.stdout, "x") == b"a: b\n"
    opened = vault("decrypt", stdin=sealed.stdout)
    assert (opened.stdout, opened.stderr) == ("a: b\n", "Decryption successful\n")


def test_decrypt_in_place_is_for_the_owner_only(folder, vault):
    assert vault("decrypt", "secret.yml").code == 0
    assert (folder / "secret.yml").read_bytes() == PLAIN
    assert mode(folder / "secret.yml") == 0o600


def test_decrypt_to_another_file_is_for_the_owner_only(folder, vault):
    assert vault("decrypt", "secret.yml", "--output", "plain.yml").code == 0
    assert (folder / "plain.yml").read_bytes() == PLAIN
    assert mode(folder / "plain.yml") == 0o600
    assert VAULT.decrypt((folder / "secret.yml").read_bytes(), "x") == PLAIN
    assert vault("decrypt", "secret.yml", "--output", "-").stdout == PLAIN.decode()


def test_of_several_files_none_is_written_when_one_is_wrong(folder, vault):
    (folder / "foreign.yml").write_bytes(seal(b"", b"unknown"))
    (folder / "plain.yml").write_bytes(PLAIN)
    before = {path: path.read_bytes() for path in folder.glob("*.yml")}
    for args in (
        ("decrypt", "secret.yml", "foreign.yml"),
        ("rekey", f"--new-vault-id=prod@{folder}/prod", "secret.yml", "foreign.yml"),
        ("encrypt", "--encrypt-vault-id=prod", "plain.yml", "secret.yml"),
    ):
        assert vault(*args).code == 1
    assert {path: path.read_bytes() for path in folder.glob("*.yml")} == before


@pytest.mark.parametrize(
    ("args", "code", "words", "hint"),
    [
        (("view", "nothing.yml"), 1, "cannot read nothing.yml: No such file", "its name"),
        (("view", "password"), 1, "password: not vault-encrypted", "vault encrypt"),
        (("encrypt", "secret.yml"), 1, "secret.yml is already encrypted", "vault edit secret.yml"),
        (("encrypt", "password"), 1, "several vault ids: default, prod", "--encrypt-vault-id"),
        (("decrypt", "a", "b", "--output=c"), 2, "--output takes one file", "--output"),
        (("create", "secret.yml"), 2, "secret.yml exists already", "vault edit secret.yml"),
        (("create", "no/such.yml"), 2, "there is no folder no", "mkdir -p no"),
        (
            ("rekey", "--new-vault-id=a@b", "--new-vault-password-file=c", "secret.yml"),
            2,
            "one new password only",
            "--new-vault-id",
        ),
        (("encrypt-string", "-p", "-"), 2, "exclude each other", "one of them"),
    ],
)
def test_what_cannot_be_done_is_said(vault, args, code, words, hint):
    ended = vault(*args)
    assert (ended.code, ended.stdout) == (code, "")
    error, advice = ended.stderr.splitlines()
    assert words in error
    assert hint in advice


def test_without_a_password_and_a_terminal_the_hint_says_how_to_give_one(folder):
    ended = lpse_ops("vault", "view", folder / "secret.yml", before=["setsid", "--wait"])
    assert ended.code == 2
    assert "no vault password" in ended.stderr
    assert "--vault-password-file" in ended.stderr


def test_rekey_gives_another_password_and_id_and_keeps_the_mode(folder, vault):
    ended = vault("rekey", f"--new-vault-id=prod@{folder}/prod", "secret.yml")
    assert (ended.code, ended.stderr) == (0, "Rekey successful\n")
    opened = VAULT.open((folder / "secret.yml").read_bytes(), "x")
    assert (opened.plaintext, opened.secret.vault_id) == (PLAIN, "prod")
    assert mode(folder / "secret.yml") == 0o640
    file = f"--new-vault-password-file={folder}/password"
    assert vault("rekey", file, "--encrypt-vault-id=site", "secret.yml").code == 0
    opened = VAULT.open((folder / "secret.yml").read_bytes(), "x")
    assert (opened.envelope.vault_id, opened.secret.password) == ("site", PASSWORD)


def test_edit_shows_the_plaintext_in_a_private_place_and_wipes_it(folder, vault):
    env = set_editor(folder, 'echo "baru: 1" >> "$1"')
    ended = vault("edit", "secret.yml", env=env)
    assert (ended.code, ended.stdout, ended.stderr) == (0, "", "")
    folder_mode, file_mode, private, name, text = (folder / "seen").read_text().split("\n", 4)
    assert (folder_mode, file_mode, name, text) == ("700", "600", "secret.yml", PLAIN.decode())
    assert Path(private).parent == Path("/dev/shm")
    assert not Path(private).exists()
    sealed = (folder / "secret.yml").read_bytes()
    assert VAULT.decrypt(sealed, "x") == PLAIN + b"baru: 1\n"
    assert sealed.startswith(b"$ANSIBLE_VAULT;1.1;")
    assert mode(folder / "secret.yml") == 0o640


def test_edit_keeps_the_label_and_writes_nothing_when_nothing_changed(folder, vault):
    path = folder / "prod.yml"
    path.write_bytes(seal(PLAIN, b"sandi prod", vault_id="prod"))
    before = path.read_bytes()
    ended = vault("edit", "prod.yml", env=set_editor(folder, "true"))
    assert (ended.code, ended.stderr) == (0, "prod.yml is unchanged\n")
    assert path.read_bytes() == before
    assert vault("edit", "prod.yml", env=set_editor(folder, 'echo x > "$1"')).code == 0
    assert path.read_bytes().startswith(b"$ANSIBLE_VAULT;1.2;AES256;prod\n")


@pytest.mark.parametrize(
    ("action", "words"),
    [
        ("exit 3", "ended with exit status 3"),
        ('rm "$1"', "the editor left no file"),
        ("kill -TERM $$", "ended with exit status -15"),
    ],
)
def test_an_editor_that_fails_changes_nothing_and_leaves_nothing(folder, vault, action, words):
    before = (folder / "secret.yml").read_bytes()
    ended = vault("edit", "secret.yml", env=set_editor(folder, action))
    assert ended.code == 1
    assert words in ended.stderr
    assert "nothing was changed" in ended.stderr
    assert (folder / "secret.yml").read_bytes() == before
    assert not Path((folder / "seen").read_text().splitlines()[2]).exists()


def test_a_signal_while_the_editor_runs_leaves_nothing(folder):
    env = clean_environment() | set_editor(folder, "touch started; sleep 30")
    args = ["vault", "edit", f"--vault-id=default@{folder}/password", "secret.yml"]
    with subprocess.Popen(
        [*PROGRAM, *args], cwd=folder, env=env, stderr=subprocess.PIPE
    ) as process:
        while not (folder / "started").exists():
            assert process.poll() is None
            time.sleep(0.01)
        process.terminate()
        assert process.wait(10) == 143
    assert not Path((folder / "seen").read_text().splitlines()[2]).exists()


def test_what_somebody_else_wrote_meanwhile_is_not_lost(folder, vault):
    other = seal(b"other\n", PASSWORD)
    (folder / "other").write_bytes(other)
    env = set_editor(folder, f'echo mine > "$1"; cp {folder}/other {folder}/secret.yml')
    ended = vault("edit", "secret.yml", env=env)
    assert ended.code == 1
    assert "your version is in secret.yml.edited" in ended.stderr
    assert (folder / "secret.yml").read_bytes() == other
    assert VAULT.decrypt((folder / "secret.yml.edited").read_bytes(), "x") == b"mine\n"


def test_an_editor_that_is_not_there_or_no_command_is_said(folder, vault):
    assert (
        "cannot run the editor /no/editor"
        in vault("edit", "secret.yml", env={"EDITOR": "/no/editor -x"}).stderr
    )
    assert "is no command line" in vault("edit", "secret.yml", env={"EDITOR": "'"}).stderr


def test_create_writes_a_new_file(folder, vault):
    env = set_editor(folder, 'echo "a: b" > "$1"')
    assert vault("create", "--encrypt-vault-id=prod", "new.yml", env=env).code == 0
    opened = VAULT.open((folder / "new.yml").read_bytes(), "x")
    assert (opened.plaintext, opened.envelope.vault_id) == (b"a: b\n", "prod")
    assert mode(folder / "new.yml") == 0o600


class VaultLoader(yaml.SafeLoader):
    """Gives the ciphertext of ``!vault`` values."""


VaultLoader.add_constructor("!vault", lambda loader, node: loader.construct_scalar(node))


def test_encrypt_string_gives_yaml(folder, vault):
    ended = vault("encrypt-string", "--encrypt-vault-id=prod", "--name=a", "one", "two")
    assert ended.code == 0
    assert "kept in the shell's history" in ended.stderr
    first, second = ended.stdout.split("\n\n")
    value = yaml.load(first, VaultLoader)["a"]
    assert VAULT.decrypt(value, "x") == b"one"
    assert VAULT.decrypt(yaml.load(second, VaultLoader), "x") == b"two"


def test_encrypt_string_reads_standard_input(folder, vault):
    args = ("encrypt-string", "--encrypt-vault-id=default", "--stdin-name=kata_sandi")
    ended = vault(*args, stdin="rahasia")
    assert ended.stderr == ""
    assert VAULT.decrypt(yaml.load(ended.stdout, VaultLoader)["kata_sandi"], "x") == b"rahasia"
    assert vault(*args, "--output=out.yml", stdin="x").stdout == ""
    assert mode(folder / "out.yml") == 0o600
    assert "kata_sandi: !vault |\n          $ANSIBLE_VAULT;1.1" in (folder / "out.yml").read_text()


def talk(args: list[str], answers: list[tuple[str, str]], cwd: Path) -> tuple[int, str]:
    """Run the program on a terminal of its own and answer what it asks."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execve(sys.executable, [*PROGRAM, *args], clean_environment())
    shown = ""
    for question, answer in [*answers, ("", "")]:
        while not question or question not in shown:
            try:
                shown += os.read(terminal, 1024).decode()
            except OSError:
                break
        if question:
            shown = shown.partition(question)[2]
            os.write(terminal, f"{answer}\n".encode())
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


def test_a_new_password_is_asked_twice_and_never_shown(folder):
    (folder / "plain.yml").write_bytes(PLAIN)
    answers = [("New Vault password: ", "abc"), ("Confirm New Vault password: ", "abc")]
    code, shown = talk(["vault", "encrypt", "plain.yml"], answers, folder)
    assert (code, shown.strip()) == (0, "Encryption successful")
    opened = Vault([VaultSecret("default", b"abc")]).decrypt(
        (folder / "plain.yml").read_bytes(), "x"
    )
    assert opened == PLAIN


def test_the_password_to_read_is_asked_once_per_id(folder):
    (folder / "prod.yml").write_bytes(seal(b"two\n", b"sandi prod", vault_id="prod"))
    args = ["vault", "view", "--vault-id=prod@prompt", "--ask-vault-pass", "secret.yml", "prod.yml"]
    answers = [("Vault password (prod): ", "sandi prod"), ("Vault password: ", PASSWORD.decode())]
    code, shown = talk(args, answers, folder)
    assert code == 0
    assert "sandi" not in shown
    assert "two" in shown


def test_a_value_is_asked_for_at_the_prompt(folder):
    args = ["vault", "encrypt-string", f"--vault-id=default@{folder}/password", "-p", "-n", "x"]
    code, shown = talk(args, [("String to encrypt for x: ", "rahasia")], folder)
    assert code == 0
    value = yaml.load(shown.replace("\r", ""), VaultLoader)["x"]
    assert VAULT.decrypt(value, "x") == b"rahasia"
