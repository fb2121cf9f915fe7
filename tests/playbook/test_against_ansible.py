"""The same play under ansible-playbook and under ours: results per task, end state, exit status."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

SITE = Path(__file__).parent / "site"
BIN = Path(sys.executable).parent
PYTHON = "/usr/bin/python3"
# Lines that say why in words of their own; that there is a failure is in the lines beside them.
_WORDS = re.compile(r'"(msg|delta|start|end|stdout|cmd)": ("(\\.|[^"\\])*"|\[[^\]]*\])')
_BANNER = re.compile(r"(PLAY|TASK|RUNNING HANDLER|NO MORE HOSTS LEFT).*")


def run(program: list[str], playbook: Path, place: Path, *arguments: str) -> tuple[int, str]:
    place.mkdir()
    environment = {
        **os.environ,
        "PLACE": str(place),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "False",
        "COLUMNS": "79",
    }
    done = subprocess.run(
        [*program, "-i", "hosts", playbook.name, "-e", f"ansible_python_interpreter={PYTHON}",
         *arguments],
        cwd=playbook.parent, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def told(output: str) -> list[str]:
    """What a run told, block by block; within a block, hosts may come in any order."""
    blocks: list[list[str]] = [[]]
    is_excerpt = False
    for line in output.splitlines():
        if _BANNER.match(line):
            blocks.append([line.rstrip("* ")])
            is_excerpt = False
        elif line.startswith("[ERROR]"):
            # The excerpt of a failure lasts until the line of its host.
            is_excerpt = True
        elif re.match(r"(fatal|failed|ok|changed|skipping|included|unreachable):", line):
            is_excerpt = False
            blocks[-1].append(_without_words(line))
        elif line.startswith("+++ after: "):
            # Ansible names the file that it rendered the template into.
            blocks[-1].append(f"+++ after: {Path(line).name}")
        elif line and not is_excerpt and not line.startswith(("hint: ", "Task failed")):
            blocks[-1].append(line)
    # Ansible may say twice that no hosts are left, and shows meta tasks once for each host.
    blocks = [each for each in blocks if each[:1] not in (["TASK [meta]"], ["NO MORE HOSTS LEFT"])]
    return ["\n".join([*each[:1], *_grouped(each[1:])]) for each in blocks if each]


def _without_words(line: str) -> str:
    if line.startswith("included"):
        head, _, rest = line.partition(" for ")
        hosts, arrow, item = rest.partition(" => ")
        return f"{head} for {', '.join(sorted(hosts.split(', ')))}{arrow}{item}"
    if line.startswith(("fatal", "failed")):
        return _WORDS.sub(r'"\1": ...', line).replace('"changed": false, ', "")
    return line


def _grouped(lines: list[str]) -> list[str]:
    """A host's lines stay together: what is indented belongs to the line above."""
    groups: list[str] = []
    for line in lines:
        if groups and (line.startswith((" ", "}", "]")) or line == "...ignoring"):
            groups[-1] += f"\n{line}"
        else:
            groups.append(line)
    return sorted(groups)


@pytest.mark.parametrize(
    "arguments", [(), ("--check",), ("--diff",)], ids=["normal", "check", "diff"]
)
@pytest.mark.parametrize(
    "name", sorted(each.stem for each in SITE.glob("*.yml") if each.stem != "included")
)
def test_both_tell_the_same(name: str, arguments: tuple[str, ...], tmp_path: Path):
    playbook = SITE / f"{name}.yml"
    a, b = tmp_path / "a", tmp_path / "b"
    theirs = run([str(BIN / "ansible-playbook")], playbook, a, *arguments)
    ours = run([str(BIN / "lpse-ops"), "playbook", "run"], playbook, b, *arguments)
    assert told(ours[1].replace(str(b), str(a))) == told(theirs[1])
    assert ours[0] == theirs[0]
    assert tree(b) == tree(a)


def tree(folder: Path) -> dict[str, tuple[str, bytes]]:
    """Names, modes and contents of all that is below."""
    return {
        str(path.relative_to(folder)): (
            # What ours fetches is its owner's alone; Ansible follows the umask.
            oct(path.lstat().st_mode & (~0o077 if path.parent.name == "fetched" else ~0)),
            path.read_bytes().replace(str(folder).encode(), b"PLACE") if path.is_file() else b"",
        )
        for path in sorted(folder.rglob("*"))
    }
