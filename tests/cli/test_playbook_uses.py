"""``inventory validate --playbook``: variables that nothing defines, and what was not read."""

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("lpse-ops")


def validate(folder: Path, **files: str) -> subprocess.CompletedProcess[str]:
    (folder / "hosts.ini").write_text("[web]\na known=1\n")
    arguments = []
    for name, tasks in files.items():
        (folder / f"{name}.yml").write_text(f"- hosts: web\n  tasks:\n{tasks}")
        arguments += ["--playbook", f"{name}.yml"]
    return subprocess.run(
        [PROGRAM, "inventory", "validate", "-i", "hosts.ini", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
    )


def test_a_use_of_nothing_is_found(tmp_path):
    done = validate(tmp_path, one="    - debug: {msg: '{{ known }} {{ gone }}'}\n")
    assert done.returncode == 1
    place = "one.yml:3:36: error: gone is used here and defined nowhere [undefined-variable]"
    assert done.stdout.startswith(place)


def test_what_was_not_read_is_told_and_the_other_playbook_is(tmp_path):
    done = validate(
        tmp_path,
        one="    - include_role: {name: '{{ known }}'}\n    - debug: {msg: '{{ maybe }}'}\n",
        two="    - debug: {msg: '{{ gone }}'}\n",
    )
    assert done.stdout.startswith("two.yml:3:24: error: gone")
    assert "note: one.yml:3:7: only a run can tell what this includes" in done.stderr
    assert "maybe" not in done.stdout


def test_a_playbook_that_is_not_there_is_an_error(tmp_path):
    (tmp_path / "hosts.ini").write_text("a\n")
    argv = [PROGRAM, "inventory", "validate", "-i", "hosts.ini", "--playbook", "gone.yml"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert "cannot read the playbook gone.yml" in done.stderr
