"""Who can log in to a host of the lab.  All by the lab's key; the passwords protect nothing."""

from typing import NamedTuple


class Account(NamedTuple):
    """``sudoers`` is the account's line there; an empty password is none."""

    name: str
    password: str = ""
    sudoers: str = ""
    group: str = ""


# As the first user of a cloud image.
DEBIAN = Account("debian", sudoers="debian ALL=(ALL:ALL) NOPASSWD: ALL")
# sudo asks for the password.  Debian has a group of this name from the start.
OPERATOR = Account("operator", "sandi operator lab", "operator ALL=(ALL:ALL) ALL", group="operator")
# May do nothing as anybody else; su asks for that one's password.
VISITOR = Account("visitor", "sandi tamu lab")

ACCOUNTS = (DEBIAN, OPERATOR, VISITOR)
ROOT_PASSWORD = "sandi root lab"
