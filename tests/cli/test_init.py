import os
import stat
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from lpse_ops.cli.init import command
from lpse_ops.cli.settings import BackupSettings, load_settings
from lpse_ops.cli.spse_play import find_differing, find_playbook
from lpse_ops.cli.wiring import App
from lpse_ops.errors import OpsError, SettingsError

PROJECT = Path(__file__).parents[2]


def run_init(folder: Path, **options):
    result = CliRunner().invoke(
        command, [str(folder)], obj=App(**options), catch_exceptions=True, standalone_mode=False
    )
    if result.exception:
        raise result.exception
    return result


@pytest.fixture
def site(tmp_path):
    run_init(tmp_path / "site", quiet=True)
    return tmp_path / "site"


def test_the_site_is_laid_out(site):
    found = sorted(path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file())
    assert [name for name in found if not name.startswith(("playbooks/", "roles/"))] == [
        "ansible.cfg",
        "inventory/README.md",
        "inventory/group_vars/spse.yml",
        "inventory/hosts.yml",
        "lpse-ops.yml",
        "schemas/inventory.schema.json",
        "schemas/spse.schema.json",
    ]
    assert "playbooks/README.md" in found
    assert not any("cache" in name for name in found)
    for name in ("roles/spse/files/steprunner/spse_steps/program.py", "inventory/hosts.yml"):
        assert (site / name).read_bytes() == (PROJECT / name).read_bytes()
    assert stat.S_IMODE((site / "lpse-ops.yml").stat().st_mode) == 0o640
    assert stat.S_IMODE((site / "inventory/hosts.yml").stat().st_mode) == 0o644


def test_the_settings_lack_only_what_is_to_be_filled_in(site):
    with pytest.raises(SettingsError) as caught:
        load_settings(site / "lpse-ops.yml")
    assert [line.split(": ")[1] for line in caught.value.message.splitlines()] == [
        "site.name is empty",
        "site.slug is empty",
        "site.time_zone is empty",
        "backup.destinations[0].location is empty",
    ]


def test_filled_in_they_are_whole_and_every_example_is_valid(site):
    path = site / "lpse-ops.yml"
    text = path.read_text()
    for key, value in {
        "name": "LPSE Contoh",
        "slug": "lpse-contoh",
        "time_zone": "WITA",
        "location": "/mnt/repo",
    }.items():
        text = text.replace(f"{key}:\n", f"{key}: {value}\n", 1)
    path.write_text(text)
    plain = load_settings(path).backup
    assert [database.name for database in plain.databases] == ["epns_prod"]
    path.write_text(uncomment(text))
    full = load_settings(path)
    assert (len(full.backup.destinations), len(full.people)) == (2, 1)
    unused = {field for field in vars(full.backup) if getattr(full.backup, field) is None}
    assert unused == set()
    assert full.backup.exclude_caches != BackupSettings().exclude_caches
    assert full.site.server_room == "Ruang 204"
    assert full.notify.urls_file == site / "notify.urls"
    assert None not in vars(full.papers).values()
    assert full.workdays.decreed_years == {2028}
    assert full.workdays.special_hours[0].hours.closing.hour == 15
    assert full.people[0].nip == "19800101 200501 1 001"


def uncomment(text: str) -> str:
    """Take the # away from examples, which are keys and entries, not sentences."""
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJYmTi9f2Mf8TbZyvO2GYjVPuPyXzTTUtQcq4aHPwXnC"
    lines = []
    for line in text.replace("ssh-ed25519 AAAA...", key).splitlines():
        candidate = line.replace("# ", "", 1)
        is_example = line.lstrip().startswith("# ") and candidate.lstrip(" -").split(":")[0] in {
            "name", "password_file", "row_counts", "exclude_file", "exclude_caches",
            "exclude_if_present", "exclude_larger_than", "one_file_system", "disk", "uuid",
            "host", "inventory",
            "kept_at", "label", "server_room", "location", "limit", "lkpp", "addresses", "people",
            "role", "key", "schedule", "at", "alert_after", "rotate_after", "drill_after",
            "key_drill_after", "notify", "urls_file", "heartbeat_file", "metrics_file",
            "nip", "papers", "letterhead", "address", "logo", "place", "number_pattern",
            "legal_basis", "text", "since", "workdays", "hours", "friday", "special_hours",
            "{since", "joint_leave", "holidays", "{date", "working", "decreed_years",
        }  # fmt: skip
        lines.append(candidate if is_example else line)
    return "\n".join(lines)


def test_the_inventory_is_yaml(site):
    hosts = yaml.safe_load((site / "inventory/hosts.yml").read_text())
    assert set(hosts["all"]["children"]) == {"spse", "database"}


def test_nothing_is_overwritten_and_the_error_says_what_is_there(tmp_path):
    settings = tmp_path / "lpse-ops.yml"
    settings.write_text("mine")
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "playbooks/README.md").symlink_to("nowhere")
    with pytest.raises(OpsError) as caught:
        run_init(tmp_path)
    assert caught.value.message == (
        f"will not overwrite {settings}, {tmp_path}/playbooks/README.md"
    )
    assert "lpse-ops init DIR" in caught.value.hint
    assert settings.read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == ["lpse-ops.yml", "playbooks"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OpsError, match=r"cannot write .*file"):
        run_init(tmp_path / "file" / "site")


def test_the_next_steps_can_be_pasted(tmp_path):
    with (tmp_path / "talk").open("w+") as talk:
        run_init(tmp_path / "my site", stderr=talk)
        talk.seek(0)
        steps = talk.read()
    assert f"lpse-ops --settings '{tmp_path}/my site/lpse-ops.yml' backup init" in steps


def test_what_a_site_changed_of_it_is_found(site):
    playbook = site / "playbooks/upgrade.yml"
    assert find_playbook(App(settings_file=site / "lpse-ops.yml"), playbook.name, None) == playbook
    assert find_differing(playbook) == []
    (site / "roles/spse/defaults/main.yml").write_text("spse_port: 9009\n")
    (site / "roles/spse/tasks/run.yml").unlink()
    assert find_differing(playbook) == [
        site / "roles/spse/defaults/main.yml",
        site / "roles/spse/tasks/run.yml",
    ]


def test_without_a_folder_of_its_own_a_site_has_the_playbooks_that_came_along(tmp_path):
    app = App(environment={"HOME": str(tmp_path)})
    found = find_playbook(app, "upgrade.yml", None)
    assert found.read_bytes() == (PROJECT / "playbooks/upgrade.yml").read_bytes()
    assert find_differing(found) == []
    with pytest.raises(OpsError, match=r"there is no playbook nothing\.yml: looked at .*shipped"):
        find_playbook(app, "nothing.yml", None)
