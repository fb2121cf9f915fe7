"""Has the application's role and database in the PostgreSQL of this machine, and its password.

Read from standard input by the Python of the host (3.6 or newer), as root.  Prints one line for
each thing that it does, or with ``--check`` would do; nothing when all is as it should be.
The server never sees the password: it is given the SCRAM verifier, made here.
"""

import argparse
import base64
import hashlib
import hmac
import os
import re
import secrets
import stat
import string
import subprocess
import sys

ITERATIONS = 4096
# Letters and digits: SPSE reads the password out of a URL, and nothing is decoded there.
ALPHABET = string.ascii_letters + string.digits
LENGTH = 32
VERIFIER = re.compile(r"SCRAM-SHA-256\$(\d+):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):[A-Za-z0-9+/=]+")
GUESSED = {"", "epns", "postgres", "password", "rahasia", "admin", "spse", "lpse"}
FACTS = """
SELECT coalesce((SELECT format('%s %s', rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication
        OR rolbypassrls OR NOT rolcanlogin, coalesce(rolpassword, ''))
    FROM pg_authid WHERE rolname = '{user}'), '-');
SELECT coalesce((SELECT format('%s %s', pg_get_userbyid(datdba), pg_encoding_to_char(encoding))
    FROM pg_database WHERE datname = '{database}'), '-');
"""


def main():
    asked = read_arguments()
    verifier_facts, database_facts = psql(FACTS.format(**vars(asked))).split("\n")[:2]
    has_role = verifier_facts != "-"
    stored = verifier_facts.partition(" ")[2] if has_role else ""
    password = read_password(asked.password_file)
    if password is None:
        if stored:
            fail(
                f"the role {asked.user} has a password already, "
                f"which is not in {asked.password_file}",
                "set postgresql_password (in a vault): the one it has, or a new one, and the same "
                "in the application's settings",
            )
        note(f"make a password in {asked.password_file}")
        password = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        if asked.apply:
            write_password(asked.password_file, password)
    elif password.lower() in GUESSED:
        fail(
            f"the password in {asked.password_file} is the first that anybody tries",
            "set postgresql_password to another one, or remove the file and have one made",
        )
    for line, statement in plan(asked, verifier_facts, database_facts, stored, password):
        note(line)
        if asked.apply:
            psql(statement)


def read_arguments():
    parser = argparse.ArgumentParser()
    for name in ("--database", "--user", "--password-file", "--locale"):
        parser.add_argument(name, required=True)
    parser.add_argument("--check", dest="apply", action="store_false")
    parser.add_argument("--apply", dest="apply", action="store_true")
    asked = parser.parse_args()
    for name in (asked.database, asked.user):
        if not re.match(r"[a-z_][a-z0-9_]{0,62}\Z", name):
            fail(f"{name} is not a plain name", "use small letters, digits and _")
    if not re.match(r"[A-Za-z0-9_.@-]+\Z", asked.locale):
        fail(f"{asked.locale} is not the name of a locale", "locale -a lists them")
    return asked


def plan(asked, role, database, stored, password):
    """Pairs of what to say and the statement that does it."""
    if role == "-":
        yield f"make the role {asked.user}", f'CREATE ROLE "{asked.user}" LOGIN'
    elif role.startswith("t"):
        yield (
            f"take rights from the role {asked.user} that it need not have",
            f'ALTER ROLE "{asked.user}" LOGIN NOSUPERUSER NOCREATEROLE NOCREATEDB NOREPLICATION '
            "NOBYPASSRLS",
        )
    if not fits(password, stored):
        yield (
            f"set the password of the role {asked.user}",
            "SET log_min_error_statement = panic; "
            f"ALTER ROLE \"{asked.user}\" PASSWORD '{make_verifier(password)}'",
        )
    if database == "-":
        yield (
            f"make the database {asked.database}",
            f'CREATE DATABASE "{asked.database}" OWNER "{asked.user}" '
            f"TEMPLATE template0 ENCODING 'UTF8' LOCALE '{asked.locale}'",
        )
        return
    owner, encoding = database.split(" ")
    if encoding != "UTF8":
        fail(
            f"the database {asked.database} is in {encoding}, not in UTF8",
            "dump it, drop it, run this again, and restore the dump",
        )
    if owner != asked.user:
        yield (
            f"give the database {asked.database} to {asked.user}",
            f'ALTER DATABASE "{asked.database}" OWNER TO "{asked.user}"',
        )


def fits(password, stored):
    """Whether the verifier that the server keeps is of this password, and a SCRAM one."""
    match = VERIFIER.match(stored)
    if not match:
        return False
    salt = base64.b64decode(match.group(2))
    return hmac.compare_digest(
        stored_key(password, salt, int(match.group(1))), base64.b64decode(match.group(3))
    )


def make_verifier(password):
    salt = os.urandom(16)
    server = hmac.new(salted(password, salt, ITERATIONS), b"Server Key", "sha256").digest()
    parts = (salt, stored_key(password, salt, ITERATIONS), server)
    return "SCRAM-SHA-256${}:{}${}:{}".format(
        ITERATIONS, *(base64.b64encode(part).decode() for part in parts)
    )


def stored_key(password, salt, iterations):
    client = hmac.new(salted(password, salt, iterations), b"Client Key", "sha256").digest()
    return hashlib.sha256(client).digest()


def salted(password, salt, iterations):
    return hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)


def read_password(path):
    """What the file holds, or None when it is not there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor) as file:
        found = os.fstat(descriptor)
        if found.st_uid != 0 or stat.S_IMODE(found.st_mode) & 0o077:
            fail(f"others than root can read {path}", "chown root, chmod 0600, and change it")
        password = file.read().rstrip("\n")
    if not re.match(r"[!-~]+\Z", password) or "@" in password:
        fail(f"what is in {path} is no password", "one line of ASCII without blanks and @")
    return password


def write_password(path, password):
    young = path + ".new"
    descriptor = os.open(young, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(password + "\n")
        file.flush()
        os.fsync(descriptor)
    os.rename(young, path)


def psql(text):
    argv = ["runuser", "-u", "postgres", "--", "psql", "-XAtq", "-v", "ON_ERROR_STOP=1"]
    done = subprocess.run(
        [*argv, "-d", "postgres"],
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        cwd="/",
    )
    if done.returncode:
        # Never the statement: a verifier may be in it.
        fail("psql: " + done.stderr.split("\n")[0][:300], "journalctl -u 'postgresql*'")
    return done.stdout


def note(line):
    print(line)


def fail(message, hint):
    sys.exit(f"{message}\n{hint}")


main()
