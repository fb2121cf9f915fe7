"""The sections of the README that need a server: their files, and their commands as a script."""

import re
import shlex
from pathlib import Path

# Run by test_guide.py on a machine of the lab; tests/test_readme.py runs all others.
SECTIONS = {
    "README.md": ("From a bare machine to SPSE", "Upgrade night"),
    "README.id.md": ("Dari mesin kosong sampai SPSE", "Malam upgrade"),
}
# Made or done by others: what the section says of them is no command of ours.
BY_OTHERS = {
    "make wheels": "tests/spselab/wheels.py",
    "cp -r wheels /srv/lpse/wheels": "a plain copy",
}
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def section(readme: Path, heading: str) -> str:
    text = readme.read_text()
    assert f"\n### {heading}\n" in text
    return text.partition(f"\n### {heading}\n")[2].partition("\n### ")[0]


def without_sections(readme: Path) -> str:
    """The README but for what needs a server."""
    text = readme.read_text()
    for heading in SECTIONS[readme.name]:
        text = text.replace(section(readme, heading), "")
    return text


def script(readme: Path, heading: str) -> str:
    """Files written where they belong, and commands, each told before it is run."""
    lines = []
    for language, text in _BLOCK.findall(section(readme, heading)):
        if language == "yaml":
            path = text.partition("\n")[0].removeprefix("# ")
            lines.append(f"cat > {shlex.quote(path)} <<'YAML'\n{text}YAML")
        elif language == "console":
            for line in text.splitlines():
                if line.startswith("$ "):
                    lines += [f"echo {shlex.quote(line)}", line.removeprefix("$ ")]
    return "\n".join(lines) + "\n"


def shown(readme: Path, heading: str) -> list[str]:
    """What the section shows as answers, line by line."""
    consoles = [
        text for kind, text in _BLOCK.findall(section(readme, heading)) if kind == "console"
    ]
    lines = "".join(consoles).splitlines()
    return [line for line in lines if line and not line.startswith("$ ")]
