"""The command ``lpse-ops``: every command's place, every error's exit code.

Only this module prints errors.  It imports click and nothing else that takes time.
"""

import contextlib
import errno
import os
import resource
import select
import shlex
import signal
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import click
from click.shell_completion import shell_complete

from lpse_ops.cli.lazy import Command, Group, LazyGroup
from lpse_ops.cli.parameters import common_options, repository_options
from lpse_ops.cli.wiring import App
from lpse_ops.errors import (
    HostUnreachable,
    OpsError,
    PlaybookError,
    RepositoryLocked,
    RepositoryMissing,
    SettingsError,
    UsageError,
    WrongPassword,
)
from lpse_ops.version import VERSION

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
        "init": Command("lpse_ops.cli.init:command", "Lay out settings and inventory of a site."),
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

# The nearest class of an error's ancestry decides.
EXIT_CODES: dict[type[BaseException], int] = {
    OpsError: 1,
    UsageError: 2,
    HostUnreachable: 4,
    RepositoryMissing: 10,
    RepositoryLocked: 11,
    WrongPassword: 12,
    SettingsError: 78,
}
INTERNAL_ERROR = 70
_OPEN_FILES = 4096
# Not our bug, wherever they come up.
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
PROGRAM = "lpse-ops"
COMPLETION_VARIABLE = "_LPSE_OPS_COMPLETE"
LOG_FILE = "lpse-ops.log"


class Interrupted(KeyboardInterrupt):
    """A signal asks us to stop; travels as Ctrl-C does, so that everything is cleaned up."""

    def __init__(self, signal_number: int) -> None:
        super().__init__()
        self.exit_code = 128 + signal_number


def main() -> NoReturn:
    """Run the command line of this process and end it."""
    _allow_many_open_files()
    sys.exit(run(sys.argv[1:], App()))


def _allow_many_open_files() -> None:
    """Use what the administrator allows: a restore keeps the folders it fills open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def run(args: Sequence[str], app: App, commands: Group = COMMANDS) -> int:
    """Run a command line and return its exit code; errors are printed, none comes out."""
    with _signals_interrupt():
        try:
            return _run_command(args, app, _make_root(commands))
        except OpsError as error:
            return _report(app, error.message, error.hint, _exit_code(app, error))
        except click.exceptions.NoArgsIsHelpError as error:
            app.stderr.write(f"{error.format_message()}\n")
            return error.exit_code
        except click.UsageError as error:
            path = error.ctx.command_path if error.ctx else PROGRAM
            code = app.exit_codes.get(click.UsageError, error.exit_code)
            return _report(app, _plain(error), f"see `{path} --help`", code)
        except click.ClickException as error:
            return _report(app, _plain(error), "", error.exit_code)
        except (click.Abort, KeyboardInterrupt) as error:
            app.stderr.write(f"{PROGRAM}: interrupted\n")
            # A prompt of click turns what interrupts it into an Abort.
            cause = error.__context__ if isinstance(error, click.Abort) else error
            if isinstance(cause, Interrupted):
                return cause.exit_code
            return app.exit_codes.get(KeyboardInterrupt, 130)
        except MemoryError:
            return _report(
                app,
                "there is not enough memory",
                "see `free -m` and `ulimit -v`; if a small repository does this, it may have been "
                "forged: lpse-ops backup check names its files",
                EXIT_CODES[OpsError],
            )
        except Exception as error:
            if isinstance(error, BrokenPipeError) and _stdout_is_closed():
                _forget_stdout()
                return 128 + signal.SIGPIPE
            return _report_bug(app, args, error)


def _make_root(commands: Group) -> LazyGroup:
    @click.group(
        cls=LazyGroup,
        lazy=commands,
        name=PROGRAM,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    @click.version_option(VERSION, message=f"{PROGRAM} %(version)s")
    @common_options
    def root() -> None:
        """Hold the options that stand before the command's name."""

    return root


def _run_command(args: Sequence[str], app: App, root: LazyGroup) -> int:
    """Run a command; not by click's own ``main``, which hides every broken pipe."""
    instruction = app.environment.get(COMPLETION_VARIABLE)
    if instruction:
        return shell_complete(root, {}, PROGRAM, COMPLETION_VARIABLE, instruction)
    try:
        with root.make_context(PROGRAM, list(args), obj=app) as context:
            result = root.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as ended:
        result = ended.exit_code
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            raise
        _forget_stdout()
        raise OpsError(
            f"cannot write {error.filename or 'the output'}: {error.strerror}",
            hint="check with `df -h` and `dmesg` that the disk has room and works",
        ) from error
    return result if isinstance(result, int) else 0


def _exit_code(app: App, error: BaseException) -> int:
    codes = app.exit_codes or EXIT_CODES
    return next(codes[kind] for kind in type(error).__mro__ if kind in codes)


def _plain(error: click.ClickException) -> str:
    message = error.format_message().strip().rstrip(".")
    return message[:1].lower() + message[1:]


def _report(app: App, message: str, hint: str, exit_code: int) -> int:
    # What answers as a program of Ansible begins its errors as that one does.
    first, more, name = f"{PROGRAM}: error: ", f"{PROGRAM}: error: ", f"{PROGRAM}: "
    if app.exit_codes:
        first, more, name = "[ERROR]: ", "", ""
    lines = [f"{more}{line}\n" for line in message.splitlines()]
    hints = [f"{name}hint: {hint}\n"] if hint else []
    app.stderr.write("".join([first.removeprefix(more), *lines, *hints]))
    app.stderr.flush()
    return exit_code


def _report_bug(app: App, args: Sequence[str], error: Exception) -> int:
    """Write the traceback where only its owner reads it, and one line to the user."""
    import traceback

    trace = "".join(traceback.format_exception(error))
    entry = f"{datetime.now(UTC).isoformat()} {PROGRAM} {shlex.join(args)}\n{trace}\n"
    try:
        log = _append_to_log(app.state_folder, entry)
    except OSError:
        app.stderr.write(trace)
        log = Path("the lines above")
    message = f"this is a bug in {PROGRAM} ({type(error).__name__}); what happened is in {log}"
    return _report(app, message, "", app.exit_codes.get(Exception, INTERNAL_ERROR))


def _append_to_log(folder: Path, entry: str) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / LOG_FILE
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW
    with open(os.open(path, flags, 0o600), "a", encoding="utf-8", errors="replace") as log:
        os.fchmod(log.fileno(), 0o600)
        log.write(entry)
    return path


@contextlib.contextmanager
def _signals_interrupt() -> Iterator[None]:
    """SIGTERM and SIGHUP unwind the program as Ctrl-C does; a second one changes nothing."""

    def interrupt(number: int, _: FrameType | None) -> None:
        for each in installed:
            signal.signal(each, signal.SIG_IGN)
        raise Interrupted(number)

    # Under nohup SIGHUP is ignored already, and stays so.
    wanted = (signal.SIGTERM, signal.SIGHUP)
    installed: dict[signal.Signals, Any] = {
        each: signal.getsignal(each) for each in wanted if signal.getsignal(each) != signal.SIG_IGN
    }
    for each in installed:
        signal.signal(each, interrupt)
    try:
        yield
    finally:
        for each, handler in installed.items():
            signal.signal(each, handler)


def _stdout_is_closed() -> bool:
    """Tell whether the reader of our output is gone, as with ``| head``."""
    poll = select.poll()
    poll.register(1, 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in poll.poll(0))


def _forget_stdout() -> None:
    """Keep the interpreter from failing to flush when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
