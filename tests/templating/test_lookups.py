"""What lookups do outside of the template: files, passwords, programs, servers."""

import os
import stat
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.errors import PlaybookError, TemplateError
from lpse_ops.marked import Origin, Text
from lpse_ops.templating.engine import Templating
from lpse_ops.templating.files import no_files
from lpse_ops.vault import Vault, VaultSecret, seal
from tests.templating.real_ansible import mark

TEMPLATING = Templating()


def evaluate(template: str, **variables: Any) -> Any:
    return TEMPLATING.evaluate(Text(template, Origin("p.yml")), mark(variables))


def test_a_password_is_made_once_and_readable_by_its_owner_only(tmp_path: Path):
    path = tmp_path / "secrets" / "db"
    first = evaluate("{{ lookup('password', f) }}", f=str(path))
    assert len(first) == 20
    assert path.read_text() == f"{first}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert evaluate("{{ lookup('password', f) }}", f=str(path)) == first


def test_a_password_that_is_hashed_keeps_its_salt(tmp_path: Path):
    path = tmp_path / "db"
    path.write_text("hunter2\n")
    template = "{{ lookup('password', f, encrypt='sha512_crypt') }}"
    first = evaluate(template, f=str(path))
    text, _, salt = path.read_text().strip().partition(" salt=")
    assert text == "hunter2"
    assert first.startswith(f"$6${salt}$")
    assert evaluate(template, f=str(path)) == first
    assert evaluate("{{ lookup('password', f) }}", f=str(path)) == "hunter2"


def test_hosts_that_ask_at_once_get_the_same_password(tmp_path: Path):
    template = f"{{{{ lookup('password', '{tmp_path}/db') }}}}"
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: evaluate(template), range(64)))
    assert len(found) == 1
    assert os.listdir(tmp_path) == ["db"]


def test_a_seed_gives_the_same_password_as_ansible():
    # What ansible-core 2.19 answers.
    assert evaluate("{{ lookup('password', '/dev/null seed=s') }}") == "96RaapZT_wr0ez2_092i"


def test_passwords_are_made_of_the_characters_asked_for(tmp_path: Path):
    template = "{{ lookup('password', f ~ ' length=40 chars=digits,x') }}"
    found = evaluate(template, f=str(tmp_path / "db"))
    assert len(found) == 40
    assert set(found) <= set("0123456789x")


def test_a_password_lies_beside_the_playbook(tmp_path: Path):
    found = evaluate("{{ lookup('password', 'a/db') }}", playbook_dir=str(tmp_path))
    assert (tmp_path / "a/db").read_text() == f"{found}\n"


def test_a_password_of_nobody_is_refused():
    with pytest.raises(TemplateError, match="the home of a user that is not here"):
        evaluate("{{ lookup('password', '~nobody-here/db') }}")
    with pytest.raises(PlaybookError, match="there is no file '~nobody-here/x'"):
        evaluate("{{ lookup('file', '~nobody-here/x') }}")


def test_what_a_program_or_a_file_says_is_no_template(tmp_path: Path):
    (tmp_path / "f").write_text("{{ 1 }}\n")
    assert evaluate("{{ lookup('pipe', 'cat ' ~ f) }}", f=str(tmp_path / "f")) == "{{ 1 }}"
    assert evaluate("{{ lookup('file', f) }}", f=str(tmp_path / "f")) == "{{ 1 }}"


def test_a_string_in_a_lookup_may_be_a_template():
    assert evaluate("{{ lookup('pipe', 'echo {{ x }}') }}", x="{{ 'y' }}") == "y"


def test_files_are_found_where_the_caller_says(tmp_path: Path):
    asked = []

    def find_file(folder: str, name: str) -> Path:
        asked.append((folder, name))
        return tmp_path / name

    (tmp_path / "a").write_text("A")
    templating = TEMPLATING.with_files(find_file)
    assert templating.evaluate(Text("{{ lookup('file', 'a') }}"), {}) == "A"
    assert templating.evaluate(Text("{{ lookup('template', 'a') }}"), {}) == "A"
    assert asked == [("files", "a"), ("templates", "a")]
    assert templating.compiler is TEMPLATING.compiler


def test_a_file_that_is_not_there_is_an_error_with_the_place():
    with pytest.raises(PlaybookError, match=r"^p\.yml: there is no file 'nope'"):
        evaluate("{{ lookup('file', 'nope') }}")


def test_a_vault_encrypted_file_is_opened_by_unvault(tmp_path: Path):
    (tmp_path / "f").write_bytes(seal(b"secret", b"pw"))
    templating = Templating(vault=Vault([VaultSecret("default", b"pw")]))
    template = Text(f"{{{{ lookup('unvault', '{tmp_path}/f') }}}}")
    assert templating.evaluate(template, {}) == "secret"


def test_a_pattern_is_tried_in_every_place_until_one_has_files(tmp_path: Path):
    for name in ("role/files/a.c", "play/files/b.c", "play/b.h", "play/files/b.d/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    places = [str(tmp_path / each) for each in ("role", "none[", "play")]
    found = evaluate("{{ q('fileglob', '*.c', '*.h', '*.d', '*') }}", ansible_search_path=places)
    named = [str(Path(each).relative_to(tmp_path)) for each in found]
    assert named == ["role/files/a.c", "play/b.h", "role/files/a.c"]


def test_templates_look_up_others_along_the_search_path(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b/templates").mkdir(parents=True)
    (tmp_path / "a/t.j2").write_text("{% include 'part.j2' %} {{ ansible_managed }}")
    (tmp_path / "b/templates/part.j2").write_text("part")
    template = "{{ lookup('template', f) }}"
    known = {"f": str(tmp_path / "a/t.j2"), "ansible_search_path": [str(tmp_path / "b")]}
    assert evaluate(template, **known) == "part Ansible managed"
    assert evaluate(template, **known, ansible_managed="{{ 'mine' }}") == "part mine"


def test_a_vault_encrypted_template_is_opened(tmp_path: Path):
    (tmp_path / "t.j2").write_bytes(seal(b"x {{ a }}", b"pw"))
    templating = Templating(vault=Vault([VaultSecret("default", b"pw")]))
    template = Text(f"{{{{ lookup('template', '{tmp_path}/t.j2') }}}}")
    assert templating.evaluate(template, {"a": 1}) == "x 1"


def test_settings_are_found_by_the_names_that_ansible_has():
    settings = {"forks": 7, "roles_path": (Path("/r"),), "allow_broken_conditionals": True}
    warnings: list[str] = []
    templating = Templating(settings=settings, warn=warnings.append).with_files(no_files)
    asked = "{{ q('config', 'DEFAULT_FORKS', 'roles_path', 'NOPE', on_missing=m) }}"
    assert templating.evaluate(Text(asked), {"m": "skip"}) == [7, ["/r"]]
    assert templating.evaluate(Text(asked), {"m": "warn"}) == [7, ["/r"]]
    assert warnings == ["there is no setting 'NOPE' here"]
    for missing, said in (("error", "there is no setting 'NOPE'"), ("x", "has an invalid value")):
        with pytest.raises(TemplateError, match=said):
            templating.evaluate(Text(asked), {"m": missing})
    assert templating.condition(Text("'text'", Origin("p.yml", 1, 1)), {}) is True
    assert warnings[1:] == ["p.yml:1:1: this condition gives a 'str'"]


def test_unknown_options_are_refused():
    said = "'rstirp' is not a valid option of the lookup 'file', only: rstrip, lstrip"
    with pytest.raises(TemplateError, match=said):
        evaluate("{{ lookup('file', '/etc/passwd', rstirp=false) }}")


@pytest.mark.parametrize(
    ("name", "said"),
    [("file", "cannot use .*/file: File exists"), ("", "cannot read .*: Is a directory")],
)
def test_a_password_that_cannot_be_kept_is_an_error(tmp_path: Path, name: str, said: str):
    (tmp_path / "file").touch()
    path = tmp_path / name / "db" if name else tmp_path
    with pytest.raises(TemplateError, match=said):
        evaluate("{{ lookup('password', f) }}", f=str(path))
    with pytest.raises(TemplateError, match=r"cannot write .*: File name too long"):
        evaluate("{{ lookup('password', f) }}", f=str(tmp_path / ("a" * 250)))


def test_a_lookup_reads_no_more_than_it_can_hold(tmp_path: Path):
    with (tmp_path / "big").open("wb") as file:
        file.truncate((64 << 20) + 1)
    with pytest.raises(TemplateError, match="big is larger than 64 MiB"):
        evaluate("{{ lookup('file', f) }}", f=str(tmp_path / "big"))


def test_hosts_of_the_inventory_need_one():
    for groups in ({}, {"groups": 5}):
        with pytest.raises(TemplateError, match="needs the variable 'groups'"):
            evaluate("{{ q('inventory_hostnames', 'all') }}", **groups)


def test_hosts_of_the_inventory():
    groups = {"all": ["a", "b", "c"], "web": ["a", "b"], "db": ["b"]}
    assert evaluate("{{ q('inventory_hostnames', 'web:!db') }}", groups=groups) == ["a"]
    assert evaluate("{{ q('inventory_hostnames', 'all:&db') }}", groups=groups) == ["b"]
    assert evaluate("{{ q('inventory_hostnames', 'c', 'we*') }}", groups=groups) == ["c", "a", "b"]


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/missing":
            self.send_error(404)
            return
        body = (
            f"{self.headers.get('Authorization', '')}|{self.headers.get('X-A', '')}\n{{{{ 1 }}}}\n"
        )
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_page_comes_by_lines(address):
    assert evaluate("{{ q('url', a) }}", a=address) == ["|", "{{ 1 }}"]
    options = "split_lines=false, headers={'X-A': 'b'}, username='u', password='p'"
    found = evaluate(f"{{{{ lookup('url', a, {options}) }}}}", a=address)
    assert found == "Basic dTpw|b\n{{ 1 }}\n"
    assert evaluate("{{ q('url', a, validate_certs=false) }}", a=address) == ["|", "{{ 1 }}"]


def test_a_page_that_is_not_there_is_an_error(address):
    with pytest.raises(TemplateError, match=r"'url' failed: .*404|'url' failed: Not Found"):
        evaluate("{{ lookup('url', a) }}", a=f"{address}/missing")
    with pytest.raises(TemplateError, match="needs an address"):
        evaluate("{{ lookup('url', '/etc/passwd') }}")
