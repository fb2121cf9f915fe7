"""Which variables playbooks use and define, with the settings that a run would have."""

from collections.abc import Collection, Sequence
from pathlib import Path

from lpse_ops.cli.wiring import App
from lpse_ops.errors import PlaybookError
from lpse_ops.markedyaml import load_marked
from lpse_ops.playbook.config import load_config
from lpse_ops.playbook.registry import find_module, module_names
from lpse_ops.playbook.scope import LoadContext
from lpse_ops.playbook.uses import Uses, read_uses
from lpse_ops.templating.engine import Templating
from lpse_ops.vault import Vault


def read_uses_of(app: App, playbooks: Sequence[Path], vault: Vault, given: Collection[str]) -> Uses:
    """Read playbooks and their roles; one that is not there is an error, one that is broken not."""
    for path in playbooks:
        if not path.is_file():
            raise PlaybookError(
                f"cannot read the playbook {path}", hint="check the name behind --playbook"
            )
    config = load_config(app.environment, Path.cwd(), app.console.warn)
    templating = Templating(vault=vault)

    def make_context(path: Path) -> LoadContext:
        return LoadContext(
            load_yaml=lambda file: load_marked(file, open_sealed=vault.decrypt, warn=_ignore),
            find_module=find_module,
            module_names=module_names,
            evaluate=templating.evaluate,
            warn=_ignore,
            roles_path=config.roles_path,
            collections_path=config.collections_path,
            command=f"ansible-playbook {path}",
        )

    return read_uses(playbooks, make_context, given)


def _ignore(_message: str) -> None:
    """``playbook lint`` tells what is wrong with them."""
