"""The ``pip`` module beside ansible-core's, with a folder of wheels in place of an index."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pip as pip_library
import pytest

from tests.agent.modules.trees import Make, also, having
from tests.agent.sidebyside import ALL, Case, Done, assert_same, run_modules, run_ours
from tests.agent.thishost import run_task

# One run of ansible-core's modules is for all the tests here.
pytestmark = pytest.mark.xdist_group("pip-module")

RUN = ("run",)
# What pip says of its work names temporary places.
APART = frozenset({"stdout", "stderr"})
WHEELS = {("halo", "1.0"): "", ("halo", "1.1"): "", ("halo", "2.0"): "dunia", ("dunia", "3.0"): ""}


def make_venv(root: Path) -> None:
    """A virtualenv in a tenth of a second: its pip is the one of this Python."""
    env = root / "v"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(env)], check=True)
    folder = Path(pip_library.__file__).parent
    (env / "pips").mkdir()
    (env / "pips" / "pip").symlink_to(folder)
    site = next(env.glob("lib/python*/site-packages"))
    (site / "pip.pth").write_text(f"{env}/pips\n")
    script = env / "bin" / "pip3"
    text = "import sys\nfrom pip._internal.cli.main import main\nsys.exit(main())\n"
    script.write_text(f"#!{env}/bin/python\n{text}")
    script.chmod(0o755)


def with_halo(root: Path) -> None:
    """Version 1.0 of halo, as pip would have put it there."""
    site = next((root / "v").glob("lib/python*/site-packages"))
    write_files(site, "halo", "1.0")


def case(label: str, make: Make = make_venv, phases: Any = RUN, **args: Any) -> Case:
    args = {"virtualenv": "ROOT/v", **args}
    args = {key: value for key, value in args.items() if value is not None}
    parts = {"check" if phase == "check" else "run" for phase in phases}
    # What no phase looks at is not made.
    needed = lambda root: make(root) if root.parent.name in parts else None  # noqa: E731
    return Case(label, "pip", args, needed, phases, APART)


OLD = also(make_venv, with_halo)
EMPTY = having()
CASES = [
    case("new", phases=ALL, name="halo"),
    case("version", name="halo", version="1.0"),
    case("there", OLD, ("check", "run"), name=["halo>=1.0,<2"]),
    case("too_old", OLD, ("check",), name="halo", version=">=1.1,<2"),
    case("latest", OLD, ("check", "run"), name="halo", state="latest"),
    case("absent", OLD, ALL, name="halo", state="absent"),
    case("absent_not_there", phases=("check",), name="halo,dunia", state="absent"),
    case("forced", OLD, name="halo==1.0", state="forcereinstall"),
    case("none_such", name="halo==9"),
    case(
        "requirements",
        also(make_venv, having(r="halo<2\ndunia\n")),
        ALL,
        requirements="ROOT/r",
        extra_args="--no-deps",
    ),
    case("new_virtualenv_check", EMPTY, ("check",), name="halo"),
    case("latest_version", EMPTY, name="halo", version="1", state="latest"),
    case("version_of_two", name=["halo", "dunia"], version="1"),
    case("version_twice", name="halo>1", version="1"),
    case("no_pip", lambda root: having(activate="")(_folder(root / "v" / "bin")), name="halo"),
    case("umask_no_octal", EMPTY, name="halo", umask="9"),
    case("nothing", EMPTY),
    case("both", EMPTY, name="halo", requirements="x"),
    case("venv_and_executable", EMPTY, name="halo", executable="pip3"),
    case("no_executable", EMPTY, virtualenv=None, name="halo", executable="no-such-pip"),
    case(
        "venv_with_python",
        EMPTY,
        name="halo",
        virtualenv_command="python3 -m venv",
        virtualenv_python="python3",
    ),
]


def _folder(path: Path) -> Path:
    path.mkdir(parents=True)
    return path


@pytest.fixture(scope="module", autouse=True)
def index(tmp_path_factory):
    """The only packages there are, for pip of both sides."""
    folder = tmp_path_factory.mktemp("wheels")
    for (name, version), needs in WHEELS.items():
        write_wheel(folder, name, version, needs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(folder))
        patch.setenv("PIP_NO_CACHE_DIR", "1")
        patch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        patch.setenv("PIP_NO_COMPILE", "1")
        yield folder


def write_wheel(folder: Path, name: str, version: str, needs: str) -> None:
    scratch = folder / f"{name}-{version}"
    scratch.mkdir()
    write_files(scratch, name, version, needs)
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path in scratch.rglob("*"):
            wheel.write(path, path.relative_to(scratch))


def write_files(folder: Path, name: str, version: str, needs: str = "") -> None:
    info = f"{name}-{version}.dist-info"
    lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"]
    lines += [f"Requires-Dist: {needs}"] if needs else []
    files = {
        f"{name}.py": f"version = {version!r}\n",
        f"{info}/METADATA": "\n".join([*lines, ""]),
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{each},,\n" for each in [*files, f"{info}/RECORD"])
    (folder / info).mkdir()
    for path, text in files.items():
        (folder / path).write_text(text)


@pytest.fixture(scope="module")
def theirs(top, index):
    done = run_modules(CASES, top / "real")
    return {name: looked(each, top / "real", name) for name, each in done.items()}


def looked(done: Done, root: Path, name: str) -> Done:
    """The same with the names of what is installed in place of all the files of it."""
    return Done(done.results, {part: installed(root / part / name) for part in ("check", "run")})


def installed(root: Path) -> Any:
    return sorted(path.name for path in root.glob("v/lib/python*/site-packages/*.dist-info"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_as_ansible(case, theirs, top):
    ours = run_ours(case, top / "ours", run_task)
    assert_same(looked(ours, top / "ours", case.name), theirs[case.name])


COMMAND = """#!/bin/sh
echo "$@" >>TOP/seen
for env; do :; done
test "$env" = --help && exec echo usage: --no-site-packages
cp -a TOP/v "$env"
sed -i "s,TOP/v,$env," "$env/bin/pip3" "$env/lib"/python*/site-packages/pip.pth
"""


def test_a_new_virtualenv(tmp_path):
    make_venv(tmp_path)
    command = tmp_path / "command"
    command.write_text(COMMAND.replace("TOP", str(tmp_path)))
    command.chmod(0o755)
    args = {"name": "halo<2", "virtualenv": "new", "chdir": str(tmp_path), "umask": "0077"}
    args["virtualenv_command"] = str(command)
    answers = [run_task("pip", args, tmp_path) for _ in range(2)]
    assert [answer["changed"] for answer in answers] == [True, False]
    assert answers[0]["virtualenv"] == f"{tmp_path}/new"
    words = f"--no-site-packages -p{sys.executable} {tmp_path}/new"
    assert (tmp_path / "seen").read_text() == f"--help\n{words}\n"
    module = next((tmp_path / "new").glob("lib/python*/site-packages/halo.py"))
    assert module.stat().st_mode & 0o777 == 0o600


def test_a_virtualenv_of_another_python_that_sees_the_systems_packages(tmp_path):
    command = tmp_path / "command"
    command.write_text('#!/bin/sh\necho "$@"\nexit 1\n')
    command.chmod(0o755)
    args = {"name": "halo", "virtualenv": f"{tmp_path}/v", "virtualenv_command": str(command)}
    args.update(virtualenv_site_packages=True, virtualenv_python="python3.9")
    answer = run_task("pip", args, tmp_path)
    assert answer["msg"] == f"stdout: --system-site-packages -ppython3.9 {tmp_path}/v\n"
    missing = run_task("pip", {**args, "virtualenv_command": "no-such-command"}, tmp_path)
    assert 'Failed to find required executable "no-such-command"' in missing["msg"]


def test_the_virtualenvs_own_programs_come_first_and_pip_knows_whose_packages_it_may_break(
    tmp_path, monkeypatch
):
    env = tmp_path / "v" / "bin"
    env.mkdir(parents=True)
    (env / "activate").touch()
    seen = tmp_path / "seen"
    (env / "pip3").write_text(
        f'#!/bin/sh\necho "$PATH $PIP_BREAK_SYSTEM_PACKAGES $LC_ALL $PWD $*" >>{seen}\n'
    )
    (env / "pip3").chmod(0o755)
    args = {"name": "halo", "virtualenv": f"{tmp_path}/v", "break_system_packages": True}
    answer = run_task("pip", {**args, "editable": True, "extra_args": "-q"}, tmp_path)
    assert not answer["changed"]
    path, rest = seen.read_text().split(" ", 1)
    assert path.split(os.pathsep)[0] == str(env)
    assert rest == "1 C.UTF-8 /tmp install -q -e halo\n"


def test_the_python_that_runs_us_has_a_pip(tmp_path):
    answer = run_task("pip", {"name": "pytest"}, tmp_path, check_mode=True)
    assert not answer["changed"]
    assert answer["cmd"] == f"{sys.executable} -m pip list --format=freeze"
