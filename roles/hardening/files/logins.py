"""Print as JSON what sshd knows of ciphers, and who may log in by a key and become root.

Standard library, Python 3.6; as root.
"""

import json
import os
import pwd
import re
import subprocess

# Who becomes root by su may have the way of another account.
os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
NO_SHELLS = ("nologin", "false", "sync")


def run(*argv):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""


def read_settings():
    pairs = (line.partition(" ") for line in run("sshd", "-T").splitlines())
    return {name: value for name, _, value in pairs}


def has_key(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file]
    except OSError:
        return False
    # A key that may only start one command, such as that of a backup, mends nothing.
    return any(line and not line.startswith("#") and "command=" not in line for line in lines)


def key_files(account, patterns):
    for pattern in patterns:
        words = {"%h": account.pw_dir, "%u": account.pw_name, "%U": str(account.pw_uid)}
        for word, value in words.items():
            pattern = pattern.replace(word, value)
        yield os.path.join(account.pw_dir, pattern)


def may_become_root(account):
    told = run("sudo", "-n", "-l", "-U", account.pw_name)
    return account.pw_uid == 0 or bool(re.search(r"^ *\((ALL|root)\b[^)]*\).*\bALL$", told, re.M))


def main():
    settings = read_settings()
    patterns = settings.get("authorizedkeysfile", ".ssh/authorized_keys").split()
    people = [
        account.pw_name
        for account in pwd.getpwall()
        if not account.pw_shell.endswith(NO_SHELLS)
        and any(has_key(path) for path in key_files(account, patterns))
        and may_become_root(account)
    ]
    told = {name: run("ssh", "-Q", name).split() for name in ("kex", "cipher", "mac")}
    told["settings"] = sorted(settings)
    told["by_key"] = people
    authority = settings.get("trustedusercakeys", "none")
    told["by_certificate"] = authority != "none" and has_key(authority)
    print(json.dumps(told))


main()
