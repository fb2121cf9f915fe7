"""What is to be done on each host, said to both playbook engines and to pyinfra."""

from dataclasses import dataclass

TASKS_PER_ROUND = 5


@dataclass(frozen=True)
class Work:
    """``rounds`` times five tasks and one more, or a loop of ``items``; all below ``folder``."""

    rounds: int = 0
    items: int = 0
    copied: str = ""

    @property
    def tasks(self) -> int:
        return self.rounds * TASKS_PER_ROUND + 1 + bool(self.items) + bool(self.copied)

    def render_playbook(self, folder: str) -> str:
        """The folder of a host has its name, so that ten names may stand for ten machines."""
        own = folder + "/{{ inventory_hostname }}"
        head = "- hosts: all\n  gather_facts: false\n  tasks:\n"
        tasks = [f"file: {{path: '{own}', state: directory}}"]
        for number in range(self.rounds):
            path = f"{own}/{number}"
            tasks += [
                f"copy: {{content: \"line {number}\\n\", dest: '{path}'}}",
                f"lineinfile: {{path: '{path}', line: more}}",
                'command: "true"',
                f"stat: {{path: '{path}'}}\n      register: s",
                "assert: {that: s.stat.exists}",
            ]
        if self.items:
            # 2.19 wants a list, not a range.
            loop = f"{{{{ range({self.items}) | list }}}}"
            tasks.append(f'command: "echo {{{{ item }}}}"\n      loop: "{loop}"')
        if self.copied:
            tasks.append(f"copy: {{src: '{self.copied}', dest: '{own}/copied'}}")
        return head + "".join(f"    - {task}\n" for task in tasks)

    def render_deploy(self, folder: str) -> str:
        """The same in pyinfra's words."""
        return _DEPLOY.format(folder=folder, rounds=self.rounds, items=self.items)


_DEPLOY = """\
import io

from pyinfra import host
from pyinfra.facts.files import File
from pyinfra.operations import files, python, server

folder = "{folder}/" + host.name


def check(path):
    assert host.get_fact(File, path)


files.directory(path=folder)
for number in range({rounds}):
    path = folder + "/" + str(number)
    files.put(src=io.StringIO("line " + str(number) + "\\n"), dest=path)
    files.line(path=path, line="more")
    server.shell(commands=["true"])
    python.call(function=check, path=path)
if {items}:
    server.shell(commands=["echo " + str(item) for item in range({items})])
"""
