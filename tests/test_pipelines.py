"""Pipelines that the README shows, and hooks for pre-commit: their commands do what they say."""

import json
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
import yaml

from tests.cli.test_init import run_init
from tests.test_readme import ROOT, blocks

HOOKS = ROOT / ".pre-commit-hooks.yaml"
PLAYBOOK = "- hosts: all\n  tasks:\n    - name: Ping\n      ansible.builtin.ping:\n"


def pipeline(name: str) -> dict:
    """A file of the README, by how its name ends."""
    texts = [text for language, text in blocks(ROOT / "README.md") if language == "yaml"]
    [found] = [text for text in texts if text.partition("\n")[0].endswith(name)]
    return yaml.safe_load(found)


@pytest.fixture
def site(tmp_path):
    run_init(tmp_path / "site", quiet=True)
    site = tmp_path / "site"
    # A pipeline has no settings of its server; the inventory is still to be filled in.
    (site / "lpse-ops.yml").unlink()
    (site / "playbooks/site.yml").write_text(PLAYBOOK)
    return site


def run(site: Path, command: str) -> subprocess.CompletedProcess[str]:
    program, *arguments = shlex.split(command)
    assert program == "lpse-ops"
    return subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=site,
        capture_output=True,
        text=True,
    )


def commands(lines: list[str]) -> Iterator[str]:
    yield from (line for line in lines if line.startswith("lpse-ops "))


def test_github_annotates_lines_and_keeps_alerts(site):
    steps = pipeline("workflows/inventory.yml")["jobs"]["validate"]["steps"]
    annotate, keep = commands([step.get("run", "") for step in steps])
    done = run(site, annotate)
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=inventory/group_vars/spse.yml,line=9,")
    assert run(site, keep).returncode == 1
    upload = next(step for step in steps if "upload-sarif" in step.get("uses", ""))
    kept = json.loads((site / upload["with"]["sarif_file"]).read_text())
    assert kept["version"] == "2.1.0"
    assert len(kept["runs"][0]["results"]) == len(done.stdout.splitlines())


def test_gitlab_gets_code_quality_and_tests(site):
    job = pipeline(".gitlab-ci.yml")["inventory"]
    for command in commands([*job["script"], *job["after_script"]]):
        assert run(site, command).returncode == 1
    reports = job["artifacts"]["reports"]
    quality = json.loads((site / reports["codequality"]).read_text())
    assert {each["location"]["path"] for each in quality} == {
        "inventory/group_vars/spse.yml",
        "inventory/hosts.yml",
    }
    assert ElementTree.parse(site / reports["junit"]).getroot().tag == "testsuites"


def test_the_hooks_that_the_readme_names_are_there_and_run(site):
    hooks = {hook["id"]: hook for hook in yaml.safe_load(HOOKS.read_text())}
    [repository] = pipeline(".pre-commit-config.yaml")["repos"]
    assert [each["id"] for each in repository["hooks"]] == list(hooks)
    for hook in hooks.values():
        assert {"id", "name", "entry", "language", "files"} <= hook.keys()
    validate = hooks["lpse-ops-inventory-validate"]
    done = run(site, shlex.join([*shlex.split(validate["entry"]), *validate["args"]]))
    assert (done.returncode, "8 errors" in done.stdout) == (1, True)
    done = run(site, f"{hooks['lpse-ops-playbook-lint']['entry']} playbooks/site.yml")
    assert done.returncode == 0, done.stdout
