#!/bin/sh
# What the plays find on a machine: the same on each.
set -eu
mkdir -p /srv/kerja/bagian /srv/kerja/lama/dalam /srv/kerja/pohon/cabang /srv/kerja/cari
cd /srv/kerja
printf '# aplikasi\nport=8080\nhost=lama\nhost=cadangan\n\n# akhir\n' >app.conf
printf 'satu\ndua\ntiga\n' >baris.txt
printf 'usang\n' >usang.txt
printf 'isi\n' >lama/dalam/isi.txt
printf 'daun\n' >pohon/cabang/daun.txt
printf 'dua\n' >bagian/20-dua
printf 'satu\n' >bagian/10-satu
printf 'a\n' >cari/a.log
printf 'bb\n' >cari/b.log
printf 'c\n' >cari/c.txt
ln -s a.log cari/tautan
chmod 0640 app.conf
# 300 kB: more than goes along with a request.
seq 1 52000 >besar-lama.txt
useradd --create-home lama
groupadd usang
cat >/etc/systemd/system/tunggu.service <<'UNIT'
[Unit]
Description=Waits
[Service]
ExecStart=/bin/sleep infinity
ExecReload=/bin/true
[Install]
WantedBy=multi-user.target
UNIT
cp /etc/systemd/system/tunggu.service /etc/systemd/system/topeng.service
systemctl daemon-reload
# The clock of what the plays may not touch.
sleep 0.01
