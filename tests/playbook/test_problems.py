"""What an error shows of a file, and what it does not."""

import pytest

from lpse_ops.marked import Origin
from lpse_ops.playbook.problems import did_you_mean, excerpt, problem_at, what_there_is

SHOWN = {
    "db_password: geheim": "db_password: ********",
    "- {name: sari, password: geheim, home: /x}": "- {name: sari, password: ********, home: /x}",
    "shell: login --token=geheim": "shell: login --token=********",
    '"api_key" : "geheim"': '"api_key" : ********',
    'password: "{{ vault_password }}"': 'password: "{{ vault_password }}"',
    "password_file: /etc/x": "password_file: /etc/x",
    "password:": "password:",
    "user: sari": "user: sari",
    "  " + "QUJD" * 12: "********",
    "tab\there": "tab here",
}


@pytest.mark.parametrize("line", SHOWN)
def test_secrets_of_a_line_are_masked(line, tmp_path):
    file = tmp_path / "x.yml"
    file.write_text(f"---\n{line}\n")
    assert excerpt(Origin(str(file), 2, 0))[1] == f">    2 | {SHOWN[line]}"


def test_the_line_before_and_the_line_after(tmp_path):
    file = tmp_path / "x.yml"
    file.write_text("one\ntwo\nthree\nfour")
    assert excerpt(Origin(str(file), 1, 2)) == [">    1 | one", "       |  ^", "     2 | two"]
    assert excerpt(Origin(str(file), 4, 0)) == ["     3 | three", ">    4 | four"]


@pytest.mark.parametrize("origin", [Origin("<command line>"), Origin("/no/such", 1, 1)])
def test_without_a_file_nothing_is_shown(origin):
    assert excerpt(origin) == []
    assert problem_at(origin, "wrong", hint="x").message == f"{origin}: wrong"


def test_of_an_encrypted_file_nothing_is_shown(tmp_path):
    file = tmp_path / "x.yml"
    file.write_text("$ANSIBLE_VAULT;1.1;AES256\n6162\n")
    assert excerpt(Origin(str(file), 1, 1)) == []


def test_suggestions():
    assert did_you_mean("coppy", ["copy", "file"]) == "did you mean 'copy'?"
    assert did_you_mean("xyz", ["copy"]) == ""
    hint = what_there_is("coppy", ["copy", "file"], "modules", "ansible-playbook x.yml")
    assert hint == (
        "did you mean 'copy'? modules: copy, file; ansible-core may know it: ansible-playbook x.yml"
    )
