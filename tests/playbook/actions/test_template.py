"""What a template sees, and what it never shows."""

import os

import pytest

from lpse_ops.marked import Text
from lpse_ops.playbook.actions import template
from lpse_ops.playbook.actions.context import ActionFailed
from lpse_ops.vault import Vault, VaultSecret
from tests.playbook.actions.localaction import LocalAction

SECRET = VaultSecret("default", b"hunter2")


@pytest.fixture
def action(tmp_path):
    (tmp_path / "templates").mkdir()
    variables = {"port": 80, "url": Text("http://x:{{ port }}"), "said": "{{ port }}"}
    return LocalAction(tmp_path, diff_mode=True, vault=Vault([SECRET]), variables=variables)


def render(action, text, **args):
    path = action.folder / "templates/t.j2"
    path.write_text(text) if isinstance(text, str) else path.write_bytes(text)
    result = template.run({"src": "t.j2", "dest": f"{action.folder}/d", **args}, action)
    return (action.folder / "d").read_bytes().decode(), result


def test_variables_are_evaluated_but_not_what_programs_said(action):
    assert render(action, "{{ url }} {{ said }}\n")[0] == "http://x:80 {{ port }}\n"


def test_a_template_knows_itself(action):
    text = (
        "{{ template_path }} {{ template_destpath }} {{ template_uid }} {{ template_mtime.year }}"
    )
    shown = render(action, text)[0].split()
    assert shown[:3] == ["t.j2", f"{action.folder}/d", "root"]
    assert shown[3].isdigit()


def test_an_owner_without_a_name_is_a_number(action):
    path = action.folder / "templates/owned.j2"
    path.write_text("{{ template_uid }}")
    os.chown(path, 54321, -1)
    template.run({"src": "owned.j2", "dest": f"{action.folder}/d"}, action)
    assert (action.folder / "d").read_text() == "54321"


def test_it_includes_along_the_search_path(action):
    (action.folder / "play/templates").mkdir(parents=True)
    (action.folder / "play/templates/part.j2").write_text("from the play")
    action.variables = {**action.variables, "ansible_search_path": [f"{action.folder}/play"]}
    assert render(action, "{% include 'part.j2' %}\n")[0] == "from the play\n"


def test_it_includes_from_its_own_folder(action):
    (action.folder / "templates/part.j2").write_text("port {{ port }}\n")
    assert render(action, "{% include 'part.j2' %}\n")[0] == "port 80\n"


def test_an_undefined_variable_is_named_with_its_place(action):
    with pytest.raises(ActionFailed, match=r"t\.j2:2:4.*'nope' is undefined"):
        render(action, "first\n{{ nope }}\n")
    assert not (action.folder / "d").exists()


def test_line_ends_are_the_ones_asked_for(action):
    # ansible-core 2.19 forgets newline_sequence when a template has nothing to evaluate.
    assert render(action, "a\nb\n\n", newline_sequence="\\r\\n")[0] == "a\r\nb\r\n\r\n"


def test_a_vault_template_is_rendered_and_its_diff_hidden(action):
    sealed = Vault([SECRET]).encrypt(b"password={{ port }}\n", vault_id=None)
    shown, result = render(action, sealed)
    assert shown == "password=80\n"
    assert "password" not in str(result)


def test_the_mode_can_be_the_templates_own(action):
    render(action, "x")
    os.chmod(action.folder / "templates/t.j2", 0o751)
    template.run({"src": "t.j2", "dest": f"{action.folder}/d", "mode": "preserve"}, action)
    assert (action.folder / "d").stat().st_mode & 0o7777 == 0o751


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"newline_sequence": "x"}, "newline_sequence"),
        ({"output_encoding": "no-such-code"}, "no-such-code"),
        ({"trim_blocks": "perhaps"}, "trim_blocks"),
    ],
)
def test_wrong_arguments_are_named(action, args, message):
    with pytest.raises(ActionFailed, match=message):
        render(action, "x", **args)


def test_a_template_that_is_not_text_is_a_failed_task(action):
    with pytest.raises(ActionFailed, match="is not UTF-8"):
        render(action, b"\xff")
