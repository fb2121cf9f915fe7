"""The runner itself: what it tells apart, and that nothing gets out of it."""

from pathlib import Path

import pytest

from tests.targets.run import run_target
from tests.targets.sdist import find_integration


@pytest.fixture
def integration(tmp_path: Path) -> Path:
    """A distribution with targets of our own."""
    folder = tmp_path / "integration"
    (folder / "targets" / "role" / "tasks").mkdir(parents=True)
    (folder / "targets" / "role" / "aliases").write_text("gather_facts/no # quick\n")
    return folder


def run(integration: Path, tasks: str, tmp_path: Path, **options: float) -> tuple[int | None, str]:
    (integration / "targets" / "role" / "tasks" / "main.yml").write_text(tasks)
    (tmp_path / "scratch").mkdir()
    ending = run_target("role", tmp_path / "scratch", source=integration, **options)
    return ending.status, ending.output


def test_a_role_passes_and_what_it_does_to_etc_goes_away(integration: Path, tmp_path: Path) -> None:
    tasks = "- copy: {content: x, dest: /etc/lpse-ops-target}\n- stat: {path: '{{ output_dir }}'}\n"
    status, output = run(integration, tasks, tmp_path)
    assert status == 0, output
    assert "changed=1" in output
    assert (tmp_path / "scratch" / "etc" / "lpse-ops-target").is_file()
    assert not Path("/etc/lpse-ops-target").exists()


def test_a_role_that_fails_does_not_pass(integration: Path, tmp_path: Path) -> None:
    status, output = run(integration, "- fail:\n", tmp_path)
    assert status == 2, output


def test_a_target_that_takes_too_long_is_ended(integration: Path, tmp_path: Path) -> None:
    status, _ = run(integration, "- command: sleep 600\n", tmp_path, timeout_seconds=3)
    assert status is None


def test_a_script_finds_our_engine_and_the_other_programs_of_ansible(
    integration: Path, tmp_path: Path
) -> None:
    script = integration / "targets" / "role" / "runme.sh"
    script.write_text(
        "#!/bin/sh -ex\n"
        "ansible-playbook --help | grep -q lpse-ops\n"
        "ansible-inventory --version | grep -q core\n"
        "! pip install --quiet nothing-of-this-name\n"
    )
    script.chmod(0o755)
    (tmp_path / "scratch").mkdir()
    ending = run_target("role", tmp_path / "scratch", source=integration)
    assert ending.status == 0, ending.output


def test_the_distribution_is_that_of_the_installed_version() -> None:
    assert (find_integration() / "targets" / "loops" / "tasks" / "main.yml").is_file()
