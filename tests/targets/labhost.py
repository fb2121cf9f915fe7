"""``testhost`` on a machine of the lab, for targets that change the machine they run on.

The engine stays here and comes by SSH as root, as ansible-test's own "split" runs do.  Every target
has a machine with a fresh disk that reaches Debian's packages through the lab's proxy.
"""

import contextlib
import secrets
from collections.abc import Iterator

from tests.lab.lab import Host, Lab, open_lab


@contextlib.contextmanager
def fresh_machine(lab: Lab | None = None) -> Iterator[Host]:
    """A machine for one target, in this lab or in one of its own."""
    with contextlib.ExitStack() as stack:
        lab = lab or stack.enter_context(open_lab())
        [host] = lab.up(f"target-{secrets.token_hex(3)}")
        stack.callback(host.remove)
        host.reach_debian()
        yield host


def inventory_words(host: Host) -> str:
    """What the inventory says of the machine."""
    variables = {
        "ansible_connection": "ssh",
        "ansible_python_interpreter": "/usr/bin/python3",
        **host.ansible_variables(),
    }
    return " ".join(f'{name}="{value}"' for name, value in variables.items())
