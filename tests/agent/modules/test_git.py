"""The ``git`` module beside ansible-core's, with real repositories."""

import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lpse_ops.agent.gitcheckout import parse_fingerprint
from lpse_ops.agent.gitcommands import is_same_address, parse_address, ssh_command
from tests.agent.gitrepositories import Repositories, commit, git, publish, serve_folder
from tests.agent.modules.trees import Make, also, having
from tests.agent.sidebyside import ALL, Case, Done, assert_same, build, run_modules, run_ours
from tests.agent.thishost import run_task
from tests.agent.webserver import PASSWORD, USER
from tests.lab.fixtures import sshd

__all__ = ["sshd"]

# One run of ansible-core's modules is for all the tests here.
pytestmark = pytest.mark.xdist_group("git-module")

RUN = ("run",)
BOTH = ("check", "run")
NOTHING = having()
# We check more things out by their whole names.
APART = frozenset({"cmd", "details"})


def case(name: str, make: Make = NOTHING, phases: Any = ALL, **args: Any) -> Case:
    args = {"repo": "ORIGIN", "dest": "ROOT/c", **args}
    apart = APART | {"msg", "stdout", "stderr", "rc"} if name.endswith("_refused") else APART
    return Case(name, "git", args, make, phases, apart)


def have(name: str) -> Make:
    """The checkout of that name, which ``repositories`` made."""
    return lambda root: shutil.copytree(root.parents[2] / "repositories" / name, root / "c")


def write(path: str, text: str) -> Make:
    return lambda root: (root / path).write_text(text)


def in_checkout(*words: str) -> Make:
    def make(root: Path) -> None:
        origin = str(root.parents[2] / "repositories" / "origin")
        git(root / "c", *(word.replace("ORIGIN", origin) for word in words))

    return make


BEHIND = have("behind")
CASES = [
    case("new"),
    case("new_deep", dest="ROOT/a/b/c"),
    case("new_branch", version="devel"),
    case("new_tag", version="v1"),
    case("new_light_tag", version="light"),
    case("new_commit", version="FIRST"),
    case("new_none_refused", version="nothing", phases=RUN),
    case("new_remote", remote="upstream"),
    case("new_bare", bare=True, recursive=False),
    case("new_bare_remote", bare=True, remote="upstream", phases=RUN),
    case("new_shallow", depth=1, phases=("run", "again")),
    case("new_shallow_branch", depth=1, version="devel"),
    case("new_shallow_tag", depth=1, version="v1", phases=RUN),
    case("new_shallow_commit", depth=1, version="FIRST", phases=RUN),
    case("new_single_branch", single_branch=True, version="devel", phases=RUN),
    case("new_refspec", refspec="+refs/heads/devel:refs/x/devel", phases=("run", "again")),
    case("new_separate", separate_git_dir="ROOT/apart"),
    case("new_not_cloned", clone=False),
    case("only_asked", dest=None, clone=False, phases=BOTH),
    case("no_dest", dest=None, phases=RUN),
    case("no_repository", repo="ROOT/none", phases=RUN),
    case("archive", archive="ROOT/a.tar", phases=("run", "again")),
    case("archive_prefix", archive="ROOT/a.tar", archive_prefix="p/", version="v1", phases=RUN),
    case("archive_unknown", archive="ROOT/a.rar", phases=RUN),
    case("umask", umask="0077", phases=RUN),
    case("umask_number", umask=77, phases=RUN),
    case("umask_no_octal", umask="9", phases=RUN),
    case("current", have("now")),
    case("behind", BEHIND),
    case("behind_branch", BEHIND, version="devel"),
    case("behind_tag", BEHIND, version="v2"),
    case("behind_commit", BEHIND, version="MIDDLE", phases=("run", "again")),
    case("behind_not_updated", BEHIND, update=False),
    replace(
        case("behind_shallow", BEHIND, depth=1, version="devel", phases=("run", "again")),
        # For a diff theirs fetches everything after all.
        diff=False,
    ),
    case("behind_detached", also(BEHIND, in_checkout("checkout", "-q", "v1"))),
    case("ahead_is_reset", also(BEHIND, lambda root: commit(root / "c", "own", "x"))),
    case("changed", also(BEHIND, write("c/a", "mine"))),
    case("changed_forced", also(BEHIND, write("c/a", "mine")), force=True, phases=("run", "again")),
    case("untracked", also(BEHIND, write("c/own", "mine"))),
    case("moved", also(have("now"), in_checkout("remote", "set-url", "origin", "/nowhere")), RUN),
    case("by_its_path", also(have("now"), in_checkout("remote", "set-url", "origin", "ORIGIN"))),
    case("separated", have("now"), separate_git_dir="ROOT/apart", phases=("run", "again")),
    case(
        "separated_taken",
        also(have("now"), having(apart="")),
        separate_git_dir="ROOT/apart",
        phases=RUN,
    ),
    case("git_file_broken", lambda root: _broken(root), phases=RUN),
    case("not_empty", write("c", "a file"), phases=RUN),
    case("strange_argument_pair", bare=True, separate_git_dir="ROOT/x", phases=RUN),
    case("prefix_alone", archive_prefix="x", phases=RUN),
]


def _broken(root: Path) -> None:
    (root / "c").mkdir()
    (root / "c" / ".git").write_text("no such thing")


@pytest.fixture(scope="module")
def repositories(top):
    (top / "repositories").mkdir()
    return Repositories(top / "repositories")


@pytest.fixture(scope="module")
def placed(repositories):
    places = {
        "ORIGIN": str(repositories.origin),
        "FIRST": repositories.first,
        "MIDDLE": repositories.middle,
    }

    def place(case: Case) -> Case:
        text = json.dumps({key: value for key, value in case.args.items() if value is not None})
        for word, value in places.items():
            text = text.replace(word, value)
        return replace(case, args=json.loads(text))

    return place


@pytest.fixture(scope="module")
def theirs(placed, top, repositories):
    done = run_modules([placed(case) for case in CASES], top / "real")
    return {name: looked(each, top / "real", name) for name, each in done.items()}


def looked(done: Done, root: Path, name: str) -> Done:
    """The same with what git says of the trees in place of the files of git itself."""
    trees = {part: look(root / part / name) for part in ("check", "run")}
    return Done(done.results, json.loads(json.dumps(trees).replace(str(root), "/TOP")))


def look(root: Path) -> dict[str, Any]:
    """Files with their contents and modes, and of repositories what they are at."""
    found: dict[str, Any] = {}
    for folder, names, files in os.walk(root):
        if ".git" in names:
            names.remove(".git")
        if "HEAD" in files:
            names.clear()
            files = []
        if "HEAD" in os.listdir(folder) or ".git" in os.listdir(folder):
            found[f"{Path(folder).relative_to(root)}/.git"] = state_of(Path(folder))
        for file in files:
            path = Path(folder) / file
            text = path.read_bytes().decode("utf-8", "backslashreplace")
            kept = "an archive" if file == "a.tar" else text
            found[str(path.relative_to(root))] = [oct(path.stat().st_mode), kept]
    return found


def state_of(folder: Path) -> Any:
    said = []
    for words in (
        ["rev-parse", "HEAD", "--abbrev-ref", "HEAD"],
        ["for-each-ref"],
        ["remote", "-v"],
        ["rev-parse", "--is-shallow-repository"],
    ):
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True)
        said.append(done.stdout.splitlines())
    return said


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_as_ansible(case, placed, theirs, top):
    ours = looked(run_ours(placed(case), top / "ours", run_task), top / "ours", case.name)
    build(case, top / "untouched")
    # Theirs fetches in check mode, for the diff; ours leaves everything as it is.
    untouched = look(top / "untouched" / "check" / case.name)
    assert ours.trees["check"] == untouched
    theirs[case.name].trees["check"] = untouched
    assert_same(ours, theirs[case.name])


def test_check_mode_sees_that_the_checkout_has_another_origin(repositories, tmp_path):
    shutil.copytree(repositories.now, tmp_path / "c")
    git(tmp_path / "c", "remote", "set-url", "origin", "/nowhere")
    args = {"repo": str(repositories.origin), "dest": f"{tmp_path}/c"}
    answer = run_task("git", args, tmp_path, check_mode=True)
    assert answer["changed"]
    assert answer["remote_url_changed"]
    assert git(tmp_path / "c", "remote", "get-url", "origin") == "/nowhere"


def test_check_mode_sees_what_force_would_throw_away(repositories, tmp_path):
    shutil.copytree(repositories.now, tmp_path / "c")
    (tmp_path / "c" / "a").write_text("mine")
    args = {"repo": str(repositories.origin), "dest": f"{tmp_path}/c", "force": True}
    assert run_task("git", args, tmp_path, check_mode=True)["changed"]
    assert (tmp_path / "c" / "a").read_text() == "mine"


@pytest.fixture(scope="module")
def web(repositories):
    """Repositories on the web: ``main``, which has ``sub`` in it, and ``private/main``."""
    top = repositories.top / "web"
    (top / "private").mkdir(parents=True)
    publish(repositories.origin, top / "sub.git")
    publish(repositories.origin, top / "private" / "main.git")
    with serve_folder(top) as url:
        yield url


def test_a_password_is_neither_in_the_process_list_nor_in_the_checkout(web, tmp_path):
    seen = tmp_path / "seen"
    program = tmp_path / "git"
    program.write_text(f'#!/bin/sh\necho "$@" >>{seen}\nexec git "$@"\n')
    program.chmod(0o755)
    repo = f"{web.replace('//', f'//{USER}:{PASSWORD}@')}/private/main.git"
    args = {"repo": repo, "dest": f"{tmp_path}/c", "executable": str(program)}
    answers = [run_task("git", args, tmp_path) for _ in range(2)]
    assert [answer["changed"] for answer in answers] == [True, False]
    assert "clone" in seen.read_text()
    everything = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(PASSWORD.encode() in content for content in everything)


def test_over_ssh_with_a_key_and_a_host_that_nobody_knows_yet(repositories, sshd, tmp_path):
    known = tmp_path / "known_hosts"
    args = {
        "repo": f"ssh://{sshd.user}@{sshd.host}:{sshd.port}{repositories.origin}",
        "dest": f"{tmp_path}/c",
        "key_file": str(sshd.key_file),
        "ssh_opts": f"-F /dev/null -o UserKnownHostsFile={known} -o GlobalKnownHostsFile=/dev/null",
    }
    assert "Host key verification failed" in run_task("git", args, tmp_path)["msg"]
    args["accept_newhostkey"] = True
    assert run_task("git", args, tmp_path)["changed"]
    assert not run_task("git", args, tmp_path)["changed"]
    assert known.exists()
    # A host that is another one now is not let in by it.
    other = (sshd.folder / "client_key.pub").read_text()
    known.write_text(f"[{sshd.host}]:{sshd.port} {other}")
    assert run_task("git", args, tmp_path)["failed"]
    del args["accept_newhostkey"]
    assert not run_task("git", {**args, "accept_hostkey": True, "update": False}, tmp_path)[
        "changed"
    ]


def test_a_wrong_password_is_not_asked_for(web, tmp_path):
    repo = f"{web.replace('//', '//sari:salah-9@')}/private/main.git"
    answer = run_task("git", {"repo": repo, "dest": f"{tmp_path}/c"}, tmp_path)
    assert answer["failed"]
    assert "salah-9" not in json.dumps(answer)


def test_submodules(web, repositories, tmp_path):
    above = tmp_path / "above"
    git(tmp_path, "init", "-q", str(above))
    git(above, "submodule", "--quiet", "add", "-b", "main", f"{web}/sub.git", "sub")
    git(above / "sub", "checkout", "-q", "v1")
    git(above, "commit", "-qam", "with a submodule")
    args = {"repo": str(above), "dest": f"{tmp_path}/c"}

    def again(**more: Any) -> tuple[bool, bool]:
        answer = run_task("git", {**args, **more}, tmp_path)
        assert "failed" not in answer, answer
        return answer["changed"], answer.get("submodules_changed", False)

    assert again(recursive=False) == (True, False)
    assert not list((tmp_path / "c" / "sub").iterdir())
    assert again() == (True, True)
    assert (tmp_path / "c" / "sub" / "a").read_text() == "1\n"
    assert again() == (False, False)
    assert again(track_submodules=True) == (True, True)
    assert (tmp_path / "c" / "sub" / "a").read_text() == "2\n"
    assert again(track_submodules=True) == (False, False)


def test_an_archive_is_only_written_if_it_is_another_one(repositories, tmp_path):
    args = {"repo": str(repositories.origin), "dest": f"{tmp_path}/c"}
    args["archive"] = str(tmp_path / "a.tar.gz")
    assert run_task("git", args, tmp_path)["changed"]
    assert not run_task("git", args, tmp_path)["changed"]
    with tarfile.open(tmp_path / "a.tar.gz") as archive:
        assert archive.getnames() == ["a", "b"]
    (tmp_path / "a.tar.gz").write_text("something else")
    kept = {**args, "update": False}
    assert run_task("git", kept, tmp_path, check_mode=True)["changed"]
    assert (tmp_path / "a.tar.gz").read_text() == "something else"
    assert run_task("git", kept, tmp_path)["changed"]
    assert not run_task("git", kept, tmp_path)["changed"]


@pytest.mark.parametrize("name", ["repo", "version", "remote", "refspec"])
def test_no_argument_is_an_option_of_git(tmp_path, name):
    args = {"repo": "x", "dest": f"{tmp_path}/c", name: f"--upload-pack=touch {tmp_path}/evil"}
    assert f"{name} must not start with -" in run_task("git", args, tmp_path)["msg"]
    assert not list(tmp_path.iterdir())


def test_a_signed_tag(repositories, tmp_path, monkeypatch, request):
    # Its path is short: there are sockets in it.
    home = tempfile.TemporaryDirectory()
    request.addfinalizer(home.cleanup)
    monkeypatch.setenv("GNUPGHOME", home.name)
    words = ["--batch", "--passphrase", "", "--quick-generate-key", "sari@example.id", "ed25519"]
    subprocess.run(["gpg", *words], check=True, capture_output=True)
    listed = subprocess.run(
        ["gpg", "--with-colons", "-K"], check=True, capture_output=True, text=True
    ).stdout
    key = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))
    shutil.copytree(repositories.origin, tmp_path / "o")
    git(tmp_path / "o", "tag", "-u", key, "signed", "-m", "x")
    args = {"repo": f"{tmp_path}/o", "dest": f"{tmp_path}/c", "verify_commit": True}
    assert run_task("git", {**args, "version": "signed"}, tmp_path)["changed"]
    known = {**args, "version": "signed", "gpg_allowlist": [key]}
    assert "failed" not in run_task("git", known, tmp_path)
    other = {**known, "gpg_allowlist": ["0" * 40]}
    assert f'does not include the public key "{key}"' in run_task("git", other, tmp_path)["msg"]
    answer = run_task("git", {**args, "version": "v1"}, tmp_path)
    assert answer["msg"] == 'Failed to verify GPG signature of commit/tag "v1"'
    subprocess.run(["gpgconf", "--kill", "all"], check=True)


def test_the_primary_key_of_a_signature_counts():
    fields = "SUB 2024-01-01 1 0 4 0 22 8 00 PRIMARY"
    assert parse_fingerprint(f"gpg: x\n[GNUPG:] VALIDSIG {fields}\n") == "PRIMARY"
    assert parse_fingerprint("[GNUPG:] BADSIG X\n") is None


SSH = {"ssh_opts": None, "accept_hostkey": False, "accept_newhostkey": False, "key_file": None}


@pytest.mark.parametrize(
    ("args", "environment", "expected"),
    [
        ({}, {}, "ssh -o BatchMode=yes"),
        ({}, {"GIT_SSH": "/x/ssh"}, "/x/ssh -o BatchMode=yes"),
        ({"accept_hostkey": True}, {}, "ssh -o StrictHostKeyChecking=no -o BatchMode=yes"),
        (
            {"accept_newhostkey": True},
            {"GIT_SSH_COMMAND": "ssh -4"},
            "ssh -4 -o StrictHostKeyChecking=accept-new -o BatchMode=yes",
        ),
        (
            {"accept_hostkey": True, "ssh_opts": "-o StrictHostKeyChecking=yes -o BatchMode=no"},
            {},
            "ssh -o StrictHostKeyChecking=yes -o BatchMode=no",
        ),
        (
            {"key_file": "/a b/key"},
            {},
            "ssh -o BatchMode=yes -i '/a b/key' -o IdentitiesOnly=yes",
        ),
    ],
)
def test_how_git_starts_ssh(args, environment, expected):
    assert ssh_command({**SSH, **args}, environment) == expected


@pytest.mark.parametrize(
    ("repo", "url", "username", "password"),
    [
        ("/srv/r", "file:///srv/r", None, None),
        ("https://a/r.git", "https://a/r.git", None, None),
        ("https://u:p%40q@a/r.git", "https://a/r.git", "u", "p@q"),
        ("https://token@a/r.git", "https://a/r.git", "token", ""),
        ("ssh://git@a/r.git", "ssh://git@a/r.git", None, None),
        ("git@a:r.git", "git@a:r.git", None, None),
    ],
)
def test_credentials_are_taken_out_of_urls(repo, url, username, password):
    assert parse_address(repo) == (url, username, password)
    assert is_same_address(repo, url) is not repo.startswith("/")
