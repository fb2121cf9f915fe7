#!/bin/sh
echo "naskah: $1 as $(id -un)"
touch /srv/kerja/dari-naskah
