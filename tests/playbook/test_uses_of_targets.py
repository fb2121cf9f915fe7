"""Two hundred healthy roles, the integration targets of ansible-core: no false findings in them."""

from pathlib import Path

from lpse_ops.playbook.uses import read_uses
from tests.playbook.loading import make_context
from tests.targets.sdist import find_integration

# What really is defined nowhere among these files.
OUTSIDE = {
    # Given with -e, by ansible-test, or in host_vars of a target.
    "ansible-galaxy-collection": "galaxy_ng_server pulp_api pulp_password pulp_server pulp_user",
    "ansible-test-cloud-acme": "acme_host",
    "ansible-test-cloud-galaxy": "galaxy_ng_server pulp_api pulp_password pulp_server pulp_user",
    "ansible-test-cloud-nios": "nios_provider",
    "incidental_win_reboot": "win_output_dir",
    "win_async_wrapper": "win_output_dir",
    # Undefined on purpose: their tasks have to fail.
    "assert": "bang",
    "changed_when": "boomboomboom",
    "failed_when": "boomboomboom",
    "filter_core": "a badcontainer hey undef_variable undefined_variable",
    "template": "y",
    "templating": "y",
    # A fact that a module of the target's own library finds, and a name that nothing reads.
    "interpreter_discovery_python": "test_fact undefined_variable",
    # A debug that shows a misspelt name: found.
    "user": "user_test0",
}
GIVEN = {"output_dir", "remote_tmp_dir"}


def test_only_what_is_defined_nowhere_is_found(tmp_path):
    targets = find_integration() / "targets"
    context = make_context(warn=lambda _message: None, roles_path=(targets,))
    found, silent = {}, 0
    for role in sorted(each for each in targets.iterdir() if (each / "tasks").is_dir()):
        playbook = tmp_path / "site.yml"
        playbook.write_text(f"- hosts: all\n  roles: [{role.name}]\n")
        uses = read_uses([playbook], lambda _: context)
        silent += not uses.used
        names = sorted(uses.used.keys() - uses.defined - GIVEN)
        for name in names:
            assert name_at(uses.used[name]) == name
        if names:
            found[role.name] = " ".join(names)
    assert found == OUTSIDE
    # Others do not load here: a module that we have not, a role that a template names.
    assert silent < 60


def name_at(origin) -> str:
    """The word that stands at a place."""
    line = Path(origin.file).read_text(errors="replace").splitlines()[origin.line - 1]
    rest = line[origin.column - 1 :]
    return rest[: next((n for n, c in enumerate(rest) if not (c.isalnum() or c == "_")), None)]
