from pathlib import Path

import pytest

from lpse_ops.errors import VaultError
from lpse_ops.vault import VaultSecret, seal
from lpse_ops.vaultsecrets import Source, load_secrets, parse_source
from tests.ansible_vault import ansible_vault

CLIENT = """#!/bin/sh
[ "$1" = --vault-id ] || exit 9
case $2 in
    prod) echo 'sandi prod' ;;
    *) echo 'no such id' >&2; exit 2 ;;
esac
"""


def no_prompt(vault_id: str) -> str:
    raise AssertionError(f"asked for {vault_id}")


def load(*vault_ids: str, files: tuple[Path, ...] = (), ask=no_prompt, warnings=None):
    warn = (warnings if warnings is not None else []).append
    return load_secrets(vault_ids, files, ask, warn=warn)


def failure(*vault_ids: str, files: tuple[Path, ...] = (), ask=no_prompt) -> VaultError:
    with pytest.raises(VaultError) as caught:
        load(*vault_ids, files=files, ask=ask)
    assert caught.value.hint
    return caught.value


def make_script(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o700)
    return path


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("prod@file", Source("prod", "file")),
        ("file", Source("default", "file")),
        ("@file", Source("default", "file")),
        ("prod@a@b", Source("prod", "a@b")),
        ("prod@prompt", Source("prod", "prompt")),
    ],
)
def test_a_source_is_a_label_and_a_place(text, source):
    assert parse_source(text) == source


@pytest.mark.parametrize("text", ["prod@", "", "a;b@file"])
def test_a_source_that_makes_no_sense_is_refused(text):
    with pytest.raises(VaultError):
        parse_source(text)


def test_a_password_in_the_home_of_nobody_is_not_there():
    assert "~nobody-here/pw: No such file" in failure("prod@~nobody-here/pw").message


def test_a_password_file_is_read_without_the_space_around_it(tmp_path: Path):
    path = tmp_path / "password"
    path.write_bytes(b" \n two words \r\n\n")
    assert load(f"prod@{path}", files=(path,)) == [
        VaultSecret("prod", b"two words"),
        VaultSecret("default", b"two words"),
    ]


def test_the_file_of_the_home_folder_is_found(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "password").write_bytes(b"x")
    assert load("~/password") == [VaultSecret("default", b"x")]


def test_an_executable_file_is_run_and_only_a_client_is_told_the_id(tmp_path: Path):
    script = make_script(tmp_path / "password.sh", '#!/bin/sh\necho " got $# "\n')
    assert load(f"prod@{script}") == [VaultSecret("prod", b" got 0 ")]
    client = make_script(tmp_path / "keys-client.sh", CLIENT)
    assert load(f"prod@{client}") == [VaultSecret("prod", b"sandi prod")]
    error = failure(f"dev@{client}")
    assert "keys-client.sh has no password for the vault id 'dev'" in error.message


def test_a_script_that_fails_is_said(tmp_path: Path):
    script = make_script(tmp_path / "password", "#!/bin/sh\necho secret; exit 3\n")
    error = failure(str(script))
    assert "password ended with exit status 3" in error.message
    assert "secret" not in error.message + error.hint
    no_program = make_script(tmp_path / "broken", "#!/nowhere\n")
    assert "cannot read the vault password file" in failure(str(no_program)).message


def test_scripts_and_files_give_ansible_the_same_password(tmp_path: Path):
    """Spaces, ends of lines and ids count as they count there."""
    client = make_script(tmp_path / "keys-client", CLIENT)
    script = make_script(tmp_path / "script", "#!/bin/sh\nprintf ' spaces \\r\\n\\n'\n")
    file = tmp_path / "file"
    file.write_bytes(b"\t spaces too \n")
    for index, source in enumerate((f"prod@{client}", f"a@{script}", f"b@{file}")):
        [secret] = load(source)
        sealed = seal(b"%d\n" % index, secret.password, vault_id=secret.vault_id)
        (tmp_path / f"{index}.yml").write_bytes(sealed)
    ids = [f"--vault-id={each}" for each in (f"prod@{client}", f"a@{script}", f"b@{file}")]
    done = ansible_vault("view", *ids, *(tmp_path / f"{index}.yml" for index in range(3)))
    assert done.stdout == "0\n1\n2\n", done.stderr


def test_the_prompt_is_asked_with_the_id():
    assert load("prod@prompt", ask=lambda vault_id: f" {vault_id} words \n") == [
        VaultSecret("prod", b"prod words")
    ]


@pytest.mark.parametrize("content", [b"", b" \n"])
def test_an_empty_password_is_refused(tmp_path: Path, content):
    path = tmp_path / "password"
    path.write_bytes(content)
    assert "is empty" in failure(str(path)).message
    assert "the prompt is empty" in failure("prompt", ask=lambda _: " ").message


def test_an_encrypted_password_file_is_refused(tmp_path: Path):
    path = tmp_path / "password"
    path.write_bytes(seal(b"x", b"y"))
    assert "itself vault-encrypted" in failure(str(path)).message


def test_one_that_cannot_be_read_is_a_warning_while_there_is_another(tmp_path: Path):
    path = tmp_path / "password"
    path.write_bytes(b"x")
    warnings: list[str] = []
    secrets = load(f"a@{tmp_path / 'nothing'}", f"b@{path}", warnings=warnings)
    assert secrets == [VaultSecret("b", b"x")]
    assert "nothing: No such file" in warnings[0]
    assert "nothing: No such file" in failure(f"a@{tmp_path / 'nothing'}").message
