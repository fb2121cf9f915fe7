"""Inventories of every kind, as files; both Ansible and we read them."""

INI = """\
# Top of the file: hosts without a group.
lone ansible_port=2222 x=1
; another comment
lone2:22 s="a b" y='[1, 2]' z=yes w=True q5="5" tup="(1,2)" by="b'x'" cx=1j ell=... nothing=None
dict1 d="{'a': {'b': 'c'}}" esc=a\\ b quoted="'5'" both="\\"5\\"" pa=a=b hash=a#b e= # trail
num1 n=0x10 o=010 f=1.50 u=1_000 neg=-5 plus=+5 exp=1e3 big=99999999999999999999 lower=true nul=null
web[01:03].example.com:99
db-[a:e:2] tpl="{{ x }}" "spaced key"=1
rack[1:2]-[x:y].lan
[2001:db8::1]:2200 six=1
2001:db8::2 six=2
10.0.0.[1:3]:8022
odd_name- ansible_host=192.0.2.9
   indented  k=v
bücher.example x=ü

[web]
web01.example.com a=web
lone

[web:vars]
str5="5"
single='a'
num=5 # a comment
text=foo # no comment
list=[1,2]
deep={'k': [1, {'z': 'q'}]}
sp = a b
empty=
joined="a" "b"
equals=a=b=c
when=later

[db:children]
web   # still to come below
cache

[db:vars]
num=7
ansible_group_priority=3

[cache]
db-a	tabbed=1

[zeta:children]
db

[solo]
[only-vars]
[only-vars:vars]
v=1
"""

YAML = """\
all:
  vars:
    mode: 0644
    octal: 010
    date: 2024-01-01
    moment: 2024-01-01 10:00:00
    sexagesimal: 12:30:45
    yes_word: yes
    off_word: off
    float: 1.10
    tpl: "{{ x }}"
    raw: !unsafe "{{ y }}"
    block: |
      two
      lines
    nested: {a: [1, {b: null}]}
  hosts:
    h1: {x: 1}
    h2:
    "h3:2222": {x: 3}
  children:
    web:
      hosts:
        w[1:3]: {n: 1}
        h1:
      vars: {ansible_group_priority: 10, v: web}
    app:
      hosts: w2
      vars: {v: app, big: 99999999999999999999, none: }
      children:
        sub:
          hosts: {w3: {n: 2, v: host}}
          vars: {v: sub}
    ungrouped:
      hosts: {h2: {late: 1}}
    empty: {}
    nothing:
extra:
  hosts: {e1: {}}
  unknown: {a: 1}
  also: text
"""

MERGED = {
    "one/hosts.ini": """\
[alpha]
h1 host_ini=1 everywhere=host
h2
[beta]
h1
[alpha:vars]
group_ini=alpha
everywhere=alpha
shared=alpha
[beta:vars]
group_ini=beta
shared=beta
[parent:children]
alpha
[parent:vars]
from_parent=parent
shared=parent
[all:vars]
everywhere=all
from_all=all
""",
    "one/group_vars/all.yml": "everywhere: gv_all\ninv_all: 1\nboth_all: inventory\nlater: all\n",
    "one/group_vars/all.json": '{"not_read": 1}',
    "one/group_vars/alpha/10.yml": "everywhere: gv_alpha\nfile: ten\nlater: alpha\n",
    "one/group_vars/alpha/9.yml": "file: nine\nonly9: 1\n",
    "one/group_vars/alpha/sub/z.yml": "file: sub\n",
    "one/group_vars/alpha/.hidden.yml": "file: hidden\n",
    "one/group_vars/alpha/backup.yml~": "file: backup\n",
    "one/group_vars/alpha/notes.txt": "file: notes\n",
    "one/group_vars/alpha/noext": "file: noext\n",
    "one/group_vars/alpha/dir.d/a.yml": "file: dotted\n",
    "one/group_vars/beta": "everywhere: gv_beta\nbeta_file: 1\n",
    "one/group_vars/beta.yml": "everywhere: not read\n",
    "one/group_vars/parent.yaml": "from_parent: gv_parent\nshared: gv_parent\n",
    "one/host_vars/h1.json": '{"everywhere": "hv", "host_file": [1, "{{ x }}"]}',
    "one/host_vars/h1.txt": "host_file: txt\n",
    "one/host_vars/h2/a.yml": "dict: {a: 1}\n",
    "one/host_vars/h2/b.yml": "dict: {b: 2}\n",
    "two/more.yml": "beta: {hosts: {h1: {host_ini: 2}, h9: }, vars: {group_ini: two}}\n",
    "two/group_vars/beta.yml": "beta_file: 2\n",
    "play/group_vars/all/main.yml": "both_all: play\nplay_all: 1\n",
    "play/group_vars/parent.yml": "from_parent: play_parent\n",
    "play/group_vars/beta.yml": "beta_file: 3\n",
    "play/host_vars/h1.yml": "everywhere: play_hv\n",
    "play/host_vars/h9": "",
}

SCRIPT = """\
#!/usr/bin/env python3
import json, sys
assert sys.argv[1:] == ["--list"], sys.argv
print(json.dumps({
    "web": {"hosts": ["s1", "s2"], "vars": {"a": "{{ b }}"}, "children": ["sub"]},
    "sub": {"hosts": ["s4"], "vars": {"ansible_group_priority": 5}},
    "names": ["s3", "s1"],
    "_meta": {"hostvars": {
        "s1": {"b": 2, "c": [1, {"d": None}], "u": {"__ansible_unsafe": "{{x}}"}},
        "stranger": {"b": 3},
    }},
}))
"""

OLD_SCRIPT = """\
#!/usr/bin/env python3
import json, sys
if sys.argv[1] == "--list":
    print(json.dumps({"old": {"hosts": ["s5", "s6"]}}))
elif sys.argv[2] == "s5":
    print(json.dumps({"asked_for": sys.argv[2]}))
"""

FOLDER = {
    "inventory/01-hosts": "[web]\nf1 a=1\nf2\n[web:vars]\nx=1\n",
    "inventory/02-more.yml": "web: {hosts: {f1: {a: 2}, f3: }, vars: {y: 2}}\nnew: {hosts: f2}\n",
    "inventory/03-script": SCRIPT,
    "inventory/04-vars": "[web:vars]\nx=4\n",
    "inventory/05-json.json": '{"all": {"hosts": {"j1": {"a": [true, null, "x"]}}}}',
    "inventory/06-ini.yml": "[inside]\ni1 a=1\n",
    "inventory/nested/hosts.ini": "[deep]\nn1\n",
    "inventory/group_vars/web": "gv: 1\n",
    "inventory/group_vars/deep.yml": "gv: 2\n",
    "inventory/nested/group_vars/deep.yml": "gv: not read\n",
    "inventory/host_vars/f1/x.yml": "hv: 1\n",
    "inventory/README.md": "[not read\n",
    "inventory/.hidden": "[not read\n",
    "inventory/old.bak": "[not read\n",
    "inventory/ansible.cfg": "[not read\n",
}

TOML = """\
[all.vars]
x = 1
moment = 2024-01-01T00:00:00Z
date = 2024-01-01
time = 12:42:42
[web]
children = ["a", "b"]
vars = {y = "{{ x }}", l = [1, {z = true}]}
[web.hosts]
h1 = {n = 1}
"h[2:3]" = {}
[a.hosts]
h4 = {}
[b]
hosts = {h5 = {f = 1.5}}
"""

SAME_NAME = "[db]\ndb x=1\nother\n[db:vars]\ny=1\n"

HASHES = {
    "hosts.yml": """\
all:
  vars: {d: {a: 1, n: {x: 1, y: [1]}}, e: {a: 1}, f: 1}
  hosts: {h1: {d: {b: 2}}, h2: }
  children:
    web: {hosts: {h1: , h2: }, vars: {d: {n: {x: 2, y: [2]}}, e: text, f: {a: 1}}}
""",
    "more.yml": "web: {vars: {d: {n: {z: 3}}}, hosts: {h1: {d: {c: 3}}}}\n",
    "group_vars/web.yml": "d: {n: {w: 4}}\ne: {b: 1}\n",
}

# Name: the files, and the arguments of both programs.
SITES = {
    "ini": ({"hosts.ini": INI}, ["-i", "hosts.ini"]),
    "yaml": ({"hosts.yml": YAML}, ["-i", "hosts.yml"]),
    "merged": (
        MERGED,
        ["-i", "one/hosts.ini", "-i", "two", "--playbook-dir", "play"],
    ),
    "merged the other way": (
        MERGED,
        ["-i", "two", "-i", "one/hosts.ini", "--playbook-dir", "play", "--export"],
    ),
    "script": ({"s": SCRIPT, "o": OLD_SCRIPT}, ["-i", "s", "-i", "o", "--limit", "s*:!s2"]),
    "folder": (FOLDER, ["-i", "inventory"]),
    "folder, to export": (FOLDER, ["-i", "inventory/", "--export"]),
    "list of hosts": (
        {"host_vars/a.yml": "x: 1\n", "group_vars/all": "y: 1\n"},
        ["-i", "a, b:22,[2001:db8::1]:5,c[1:2],"],
    ),
    "toml": ({"hosts.toml": TOML}, ["-i", "hosts.toml"]),
    "same name": ({"hosts": SAME_NAME}, ["-i", "hosts"]),
}
