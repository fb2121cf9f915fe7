"""What is proposed for the site's files, for people and as JSON; secrets are masked already."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lpse_ops.cli.console import Console
    from lpse_ops.cli.spse_proposal import Proposed

_WORDS = {
    "added": "new       {key} = {value}",
    "changed": "changed   {key} = {value}  (was {before})",
    "conflict": "CONFLICT  {key} stays {before}; the package has {package}",
    "kept": "kept      {key} = {value}  (the package has it no more)",
    "site": "own       {key} = {value}  (the package has {package})",
    "both": "same      {key} = {value}",
    "taken": "taken     {key} = {value}  (was {before})",
    "set": "set       {key} = {value}  (was {before})",
}


def tell(console: "Console", proposed: "Proposed") -> None:
    """Warn of what somebody should look at, and of what nobody but a person can decide."""
    for note in proposed.notes:
        console.warn(note)
    for each in proposed.undecided:
        console.warn(
            f"somebody must decide {each.key}: {each.why}; give its value with "
            f"--set-file FILE ({each.key}: VALUE)"
        )


def to_json(proposed: "Proposed") -> dict[str, Any]:
    return {
        "release": proposed.new.version,
        "from": proposed.old.version if proposed.old else None,
        "settings": [vars(each) for each in proposed.proposal.told],
        "undecided": [vars(each) for each in proposed.undecided],
        "files": [each.target for each in proposed.files],
        "notes": list(proposed.notes),
    }


def render(proposed: "Proposed") -> str:
    """What becomes of the settings, a line for each key that is not the same everywhere."""
    whence = f"those of {proposed.old.version}" if proposed.old else "the package's own"
    lines = [f"settings of {proposed.new.version}, from {whence}:"]
    for each in proposed.proposal.told:
        values = {name: "(none)" if value is None else value for name, value in vars(each).items()}
        lines.append(f"  {_WORDS[each.fate].format(**values)}")
    if not proposed.proposal.told:
        lines.append("  nothing changes")
    lines += [f"  script    {each.target} with the site's paths" for each in proposed.files[1:]]
    return "\n".join(lines)
