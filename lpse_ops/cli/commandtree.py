"""Every command's place under ``lpse-ops``: a new command is one line here.

Imported by ``--help``: the commands themselves are imported when they are called.
"""

import click

from lpse_ops.cli.lazy import Command, Group
from lpse_ops.cli.parameters import repository_options
from lpse_ops.errors import OpsError, PlaybookError, UsageError

# Those of ansible-playbook, by which scripts judge a run: 2 and 4 are hosts that failed or could
# not be reached.
ANSIBLE_EXIT_CODES: dict[type[BaseException], int] = {
    OpsError: 1,
    PlaybookError: 4,
    UsageError: 5,
    click.UsageError: 5,
    KeyboardInterrupt: 99,
    Exception: 250,
}
COMMANDS = Group(
    "Keep an LPSE's SPSE server backed up, restorable and documented.",
    example="lpse-ops init /etc/lpse-ops",
    commands={
        "init": Command("lpse_ops.cli.init:command", "Lay out the files of a site."),
        "demo": Command(
            "lpse_ops.cli.demo:command", "Back up and restore a toy SPSE, and compare."
        ),
        "backup": Group(
            "Encrypted backups in restic's format; without a command, run the configured one.",
            example="lpse-ops backup snapshots",
            default="run",
            options=repository_options,
            commands={
                "run": Command("lpse_ops.cli.backup_run:command", "Take a snapshot (default)."),
                "init": Command("lpse_ops.cli.backup_init:command", "Make a new repository."),
                "snapshots": Command("lpse_ops.cli.backup_snapshots:command", "List snapshots."),
                "ls": Command("lpse_ops.cli.backup_ls:command", "List files of a snapshot."),
                "find": Command("lpse_ops.cli.backup_find:command", "Find files in snapshots."),
                "diff": Command("lpse_ops.cli.backup_diff:command", "Compare two snapshots."),
                "dump": Command("lpse_ops.cli.backup_dump:command", "Write a stored file out."),
                "restore": Command("lpse_ops.cli.backup_restore:command", "Restore a snapshot."),
                "check": Command("lpse_ops.cli.backup_check:command", "Look for damage."),
                "verify": Command(
                    "lpse_ops.cli.backup_verify:command",
                    "Prove one snapshot, and what is new in it.",
                ),
                "drill": Command(
                    "lpse_ops.cli.backup_drill:command", "Prove a backup by restoring it."
                ),
                "stats": Command("lpse_ops.cli.backup_stats:command", "Show sizes and counts."),
                "forget": Command(
                    "lpse_ops.cli.backup_forget:command", "Remove snapshots by a policy."
                ),
                "prune": Command(
                    "lpse_ops.cli.backup_prune:command", "Give back what no snapshot needs."
                ),
                "tag": Command("lpse_ops.cli.backup_tag:command", "Mark snapshots."),
                "rewrite": Command(
                    "lpse_ops.cli.backup_rewrite:command", "Leave files out of old snapshots."
                ),
                "copy": Command(
                    "lpse_ops.cli.backup_copy:command", "Copy snapshots into another repository."
                ),
                "sync": Command(
                    "lpse_ops.cli.backup_sync:command", "Bring clones up to date with each other."
                ),
                "repair": Group(
                    "Make a damaged repository usable again.",
                    example="lpse-ops backup repair index",
                    commands={
                        "index": Command(
                            "lpse_ops.cli.backup_repair_index:command",
                            "Rebuild the index from the packs.",
                        ),
                        "packs": Command(
                            "lpse_ops.cli.backup_repair_packs:command",
                            "Save what can be read of damaged packs.",
                        ),
                        "snapshots": Command(
                            "lpse_ops.cli.backup_repair_snapshots:command",
                            "Make snapshots readable whose data is gone.",
                        ),
                    },
                ),
                "status": Command(
                    "lpse_ops.cli.backup_status:command", "How old, where, proved when."
                ),
                "schedule": Group(
                    "The timer that runs backups, and who is told when it falls silent.",
                    example="lpse-ops backup schedule install",
                    commands={
                        "install": Command(
                            "lpse_ops.cli.backup_schedule_install:command", "Set the timer up."
                        ),
                        "show": Command(
                            "lpse_ops.cli.backup_schedule_show:command", "Next and last runs."
                        ),
                        "remove": Command(
                            "lpse_ops.cli.backup_schedule_remove:command", "Take it away."
                        ),
                        "run": Command(
                            "lpse_ops.cli.backup_schedule_run:command", "What the timer runs."
                        ),
                    },
                ),
                "disk": Group(
                    "Portable disks: which is where, who carried it out, which is due.",
                    example="lpse-ops backup disk list",
                    commands={
                        "list": Command("lpse_ops.cli.backup_disk_list:command", "List disks."),
                        "init": Command(
                            "lpse_ops.cli.backup_disk_init:command", "Make a disk one of ours."
                        ),
                        "mount": Command("lpse_ops.cli.backup_disk_mount:command", "Mount one."),
                        "eject": Command(
                            "lpse_ops.cli.backup_disk_eject:command",
                            "Unmount one, and record the hand-over.",
                        ),
                    },
                ),
                "unlock": Command("lpse_ops.cli.backup_unlock:command", "Remove stale locks."),
                "key": Group(
                    "Keys (passwords) of a repository.",
                    example="lpse-ops backup key list",
                    commands={
                        "list": Command("lpse_ops.cli.backup_key_list:command", "List keys."),
                        "add": Command("lpse_ops.cli.backup_key_add:command", "Add a password."),
                        "remove": Command("lpse_ops.cli.backup_key_remove:command", "Remove one."),
                        "passwd": Command(
                            "lpse_ops.cli.backup_key_passwd:command", "Change the password."
                        ),
                        "recover": Command(
                            "lpse_ops.cli.backup_key_recover:command",
                            "Write new keys from the recovery sheet.",
                        ),
                        "drill": Command(
                            "lpse_ops.cli.backup_key_drill:command",
                            "Try the recovery sheet, once a year.",
                        ),
                    },
                ),
            },
        ),
        "inventory": Group(
            "Hosts, groups and variables of Ansible's inventory files.",
            example="lpse-ops inventory graph -i inventory",
            commands={
                "list": Command("lpse_ops.cli.inventory_list:command", "List all of it."),
                "graph": Command("lpse_ops.cli.inventory_graph:command", "Draw groups and hosts."),
                "host": Command(
                    "lpse_ops.cli.inventory_host:command", "Show a host's variables, and why."
                ),
                "validate": Command(
                    "lpse_ops.cli.inventory_validate:command", "Find what is wrong in it."
                ),
                "schema": Command(
                    "lpse_ops.cli.inventory_schema:command", "Show JSON Schemas for editors."
                ),
            },
        ),
        "playbook": Group(
            "Playbooks in Ansible's format, run over one connection a host.",
            example="lpse-ops playbook run -i inventory playbooks/site.yml",
            commands={
                "run": Command(
                    "lpse_ops.cli.playbook_run:command", "Run playbooks.", ANSIBLE_EXIT_CODES
                ),
                "lint": Command("lpse_ops.cli.playbook_lint:command", "Find what surprises."),
            },
        ),
        "spse": Group(
            "The SPSE server: its package, and what was asked for and changed.",
            example="lpse-ops spse inspect spse-4.5.tar.gz",
            commands={
                "inspect": Command(
                    "lpse_ops.cli.spse_inspect:command", "Look into a package, unpack nothing."
                ),
                "preflight": Command(
                    "lpse_ops.cli.spse_preflight:command", "Is the server fit for it?"
                ),
                "health": Command("lpse_ops.cli.spse_health:command", "Is SPSE well just now?"),
                "release": Group(
                    "Releases that are unpacked, and which of them runs.",
                    example="lpse-ops spse release list",
                    commands={
                        "unpack": Command(
                            "lpse_ops.cli.spse_release_unpack:command", "Unpack a package."
                        ),
                        "list": Command(
                            "lpse_ops.cli.spse_release_list:command", "Which are there, which runs."
                        ),
                        "switch": Command(
                            "lpse_ops.cli.spse_release_switch:command",
                            "Make one the current, while nothing runs.",
                        ),
                        "adopt": Command(
                            "lpse_ops.cli.spse_release_adopt:command",
                            "Make one of what was installed by hand.",
                        ),
                        "remove": Command(
                            "lpse_ops.cli.spse_release_remove:command", "Remove an old one."
                        ),
                    },
                ),
                "plan": Command(
                    "lpse_ops.cli.spse_plan:command", "What an upgrade will do, step by step."
                ),
                "configuration": Group(
                    "application.conf of the site and of packages.",
                    example="lpse-ops spse configuration propose --release 4.5",
                    commands={
                        "propose": Command(
                            "lpse_ops.cli.spse_configuration_propose:command",
                            "Carry the site's settings into a new release.",
                        ),
                    },
                ),
                "install": Command(
                    "lpse_ops.cli.spse_install:command", "From a bare machine to SPSE."
                ),
                "upgrade": Command(
                    "lpse_ops.cli.spse_upgrade:command", "To a new release, or back again."
                ),
                "rollback": Command(
                    "lpse_ops.cli.spse_rollback:command", "Back to the release before."
                ),
                "status": Command(
                    "lpse_ops.cli.spse_status:command", "Where upgrades stand, and what to type."
                ),
                "change": Group(
                    "The register of changes, and the clock of the SLA.",
                    example="lpse-ops spse change request upgrade --reason 'SPSE 4.5'",
                    commands={
                        "list": Command("lpse_ops.cli.spse_change_list:command", "List changes."),
                        "show": Command("lpse_ops.cli.spse_change_show:command", "Show one."),
                        "export": Command(
                            "lpse_ops.cli.spse_change_export:command",
                            "Write one as JSON, or as the page Catatan Perubahan.",
                        ),
                        "request": Command(
                            "lpse_ops.cli.spse_change_request:command",
                            "Record a request; when is it due?",
                        ),
                        "amend": Command(
                            "lpse_ops.cli.spse_change_amend:command",
                            "Add what was not known yet: approval, impact, date.",
                        ),
                        "record": Command(
                            "lpse_ops.cli.spse_change_record:command",
                            "Record what was done on this server.",
                        ),
                        "done": Command(
                            "lpse_ops.cli.spse_change_done:command",
                            "Close one that was done by hand.",
                        ),
                    },
                ),
            },
        ),
        "log": Group(
            "The signed log of backups, drills and hand-overs.",
            example="lpse-ops log show",
            commands={
                "show": Command("lpse_ops.cli.log_show:command", "Show records."),
                "verify": Command("lpse_ops.cli.log_verify:command", "Was it changed?"),
                "checkpoint": Command(
                    "lpse_ops.cli.log_checkpoint:command", "Sign it, for mail and paper."
                ),
            },
        ),
        "notify": Group(
            "Who is told when backups fail or fall silent.",
            example="lpse-ops notify test",
            commands={
                "test": Command("lpse_ops.cli.notify_test:command", "Send a test message."),
            },
        ),
        "paper": Group(
            "Letters and minutes, as PDF, DOCX or HTML.",
            example="lpse-ops paper restore-minutes --output uji-restore.pdf --by Sari",
            commands={
                "restore-minutes": Command(
                    "lpse_ops.cli.paper_restore_minutes:command",
                    "Write the Berita Acara of a restore drill.",
                ),
                "template": Command(
                    "lpse_ops.cli.paper_template:command", "Write a Word template to adapt."
                ),
            },
        ),
        "vault": Group(
            "Secrets in files, in ansible-vault's format.",
            example="lpse-ops vault edit inventory/group_vars/all/vault.yml",
            commands={
                "view": Command("lpse_ops.cli.vault_view:command", "Show what is encrypted."),
                "create": Command("lpse_ops.cli.vault_create:command", "Write a new file."),
                "edit": Command("lpse_ops.cli.vault_edit:command", "Change a file in an editor."),
                "encrypt": Command("lpse_ops.cli.vault_encrypt:command", "Encrypt files."),
                "encrypt-string": Command(
                    "lpse_ops.cli.vault_encrypt_string:command", "Encrypt one value."
                ),
                "decrypt": Command("lpse_ops.cli.vault_decrypt:command", "Decrypt files."),
                "rekey": Command("lpse_ops.cli.vault_rekey:command", "Change the password."),
            },
        ),
    },
)
