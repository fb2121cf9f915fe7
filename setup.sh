#!/bin/sh
# Prepares .venv for one purpose: ./setup.sh demo|test|lint.  Run by make.
# Debian packages that are missing are installed as root or through sudo without a password;
# otherwise the command to run is printed.
set -eu
cd "$(dirname "$0")"
purpose=$1

find_python() {
    # The distribution's own first: it is what users run, and built to be quick.
    for python in /usr/bin/python3 python3 python3.14 python3.13 python3.12 python3.11; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$python"
            return
        fi
    done
}

# Prints the packages that are needed for the purpose and not there.
missing_packages() {
    "$python" -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
    [ "$purpose" = test ] || return 0
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || echo postgresql
    command -v setfacl >/dev/null || echo acl
    command -v setfattr >/dev/null || echo attr
    command -v strace >/dev/null || echo strace
    # What modules call, and the real ones beside them.
    for program in git unzip zip zstd bzip2 openssl rsync; do
        command -v "$program" >/dev/null || echo "$program"
    done
    # Portable disks as people buy them, where the kernel does not know their file systems.
    command -v mkfs.ext4 >/dev/null || echo e2fsprogs
    command -v mkfs.exfat >/dev/null || echo exfatprogs
    command -v mount.exfat-fuse >/dev/null || echo exfat-fuse
    command -v ntfs-3g >/dev/null || echo ntfs-3g
    command -v mkfs.fat >/dev/null || echo dosfstools
    command -v fusefat >/dev/null || echo fusefat
    command -v gpg >/dev/null || echo gnupg
    command -v xz >/dev/null || echo xz-utils
    # What the stand-in for SPSE is made of.
    command -v java >/dev/null || echo default-jre-headless
    [ -f /usr/share/java/postgresql.jar ] || echo libpostgresql-jdbc-java
    # What opens our papers; the fonts have the widths of Times New Roman.
    command -v soffice >/dev/null || echo libreoffice-writer-nogui
    command -v pdftotext >/dev/null || echo poppler-utils
    command -v qpdf >/dev/null || echo qpdf
    command -v zbarimg >/dev/null || echo zbar-tools
    [ -d /usr/share/fonts/truetype/liberation ] || echo fonts-liberation
    # The lab: a real sshd, and Debian machines in namespaces.
    command -v ssh-keygen >/dev/null || echo openssh-client
    [ -x /usr/sbin/sshd ] || echo openssh-server
    command -v sudo >/dev/null || echo sudo
    command -v mmdebstrap >/dev/null || echo mmdebstrap
    command -v systemd-nspawn >/dev/null || echo systemd-container
    command -v ip >/dev/null || echo iproute2
}

install_packages() {
    if [ "$(id -u)" = 0 ]; then
        as_root=
    elif sudo -n true 2>/dev/null; then
        as_root=sudo
    else
        echo "setup.sh: packages are missing; run this, then make again:" >&2
        echo "    sudo apt-get install -y $*" >&2
        exit 1
    fi
    $as_root apt-get update -q
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

python=$(find_python)
: "${python:=python3}"
packages=$(missing_packages)
if [ -n "$packages" ]; then
    # shellcheck disable=SC2086 # one word for each package
    install_packages $packages
fi
[ -x .venv/bin/pip ] || "$python" -m venv --clear .venv
.venv/bin/pip install --quiet --disable-pip-version-check --editable ".[$purpose]"
touch ".venv/stamp.$purpose"
