#!/bin/sh
# What the second set of plays finds on a machine: the same on each.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get install -q -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io \
    python3-psycopg2 python3-debian rsync ufw git lab-service >/dev/null
mkdir -p /srv/data/pohon /srv/web /srv/git/satu /run/basis
cd /srv/data
printf '[usang]\na = 1\n\n[basis]\n# namanya\nnama = lama\n' >lama.ini
printf 'halo\n' >/srv/web/halo.txt
printf '{"halo": [1, 2]}\n' >/srv/web/halo.json
touch -d 2024-02-29T03:04:05Z /srv/web/halo.txt /srv/web/halo.json
mkdir /tmp/isi
printf 'akar\n' >/tmp/isi/akar.txt
mkdir /tmp/isi/cabang
printf 'daun\n' >/tmp/isi/cabang/daun.txt
tar -C /tmp/isi --mtime=@0 --owner=0 --group=0 -czf pohon.tar.gz akar.txt cabang
rm -r /tmp/isi
cd /srv/git/satu
export GIT_AUTHOR_DATE=2024-02-29T03:04:05Z GIT_COMMITTER_DATE=2024-02-29T03:04:05Z
git init -q -b main
git config user.name lab
git config user.email lab@example.org
echo satu >isi.txt
git add isi.txt
git commit -q -m satu
git tag v1
echo dua >isi.txt
git commit -q -a -m dua
echo '0 1 * * * /usr/bin/true' | crontab -
systemd-run -q --unit=web python3 -m http.server --directory /srv/web --bind 127.0.0.1 8080
# The clock of what the plays may not touch.
sleep 0.01
