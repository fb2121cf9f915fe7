"""Inventories with files for plugins, as files and the arguments of ``ansible-inventory``."""

HOSTS = """\
all:
  vars: {site: contoh}
  hosts:
    lone: {kind: ""}
  children:
    db:
      vars: {port: 5432}
      hosts:
        db-1: {kind: main, tags: {tier: gold, zone: "", note: null}, roles: [a, "", b c, null]}
        db-2: {kind: null, tags: {}, roles: [], port: 5433}
    web:
      hosts: {web-1: {kind: main, number: 7, fact: "{{ site }}-{{ port | default(80) }}"}}
"""
CONSTRUCTED = """\
plugin: ansible.builtin.constructed
compose:
  where: site ~ '/' ~ inventory_hostname
  doubled: number * 2
  literal: "'{' ~ '{ site }' ~ '}'"
  kind2: kind | default('none')
  listed: "[1, site]"
  fixed: 5
groups:
  is_main: kind == 'main'
  composed: kind2 == 'main'
  has-dash: port is defined
  never: undefined_one > 1
  all_of: [kind == 'main', number is defined]
keyed_groups:
  - key: kind
  - {key: kind, prefix: k, default_value: unknown}
  - {key: kind, prefix: p, separator: "-", parent_group: kinds}
  - {key: tags, prefix: tag, default_value: none}
  - {key: tags, prefix: bare, trailing_separator: false}
  - {key: tags, prefix: plain, parent_group: "tags of {{ site }}"}
  - {key: roles, prefix: role, default_value: empty}
  - {key: number | string, separator: ""}
  - {key: nothing_like_it}
"""
NO_LEADING = """\
plugin: constructed
strict: true
leading_separator: false
keyed_groups:
  - key: site
  - {key: "kind | default('x', true)", prefix: k}
  - {key: "{'a': site}"}
  - {key: "[]"}
"""
WITH_FILES = """\
plugin: ansible.builtin.constructed
use_vars_plugins: true
strict: true
groups: {from_file: colour == 'red', from_host_file: shade is defined}
compose: {mixed: colour ~ '!'}
"""
GENERATOR = """\
plugin: ansible.builtin.generator
hosts:
  name: "{{ app }}-{{ stage }}"
  parents:
    - name: "{{ app }}"
      vars: {app: "{{ app }}", deep: {later: "{{ x }}"}, many: ["{{ x }}"], n: 1}
      parents: [{name: apps}]
    - {name: "{{ stage }}"}
layers: {app: [web, api], stage: [dev, prod]}
"""

PLUGIN_SITES = {
    "constructed": (
        {"hosts.yml": HOSTS, "x.yml": CONSTRUCTED},
        ["-i", "hosts.yml", "-i", "x.yml"],
    ),
    "constructed, exported": (
        {"hosts.yml": HOSTS, "x.yml": CONSTRUCTED},
        ["-i", "hosts.yml", "-i", "x.yml", "--export"],
    ),
    "constructed, no separator": (
        {"hosts.yml": HOSTS, "x.yml": NO_LEADING},
        ["-i", "hosts.yml", "-i", "x.yml"],
    ),
    "constructed, with files": (
        {
            "one/hosts": "[g]\nh1\nh2\n",
            "one/group_vars/g.yml": "colour: red\n",
            "one/host_vars/h2": "shade: 1\n",
            "two/x.yml": WITH_FILES,
        },
        ["-i", "one/hosts", "-i", "two/x.yml"],
    ),
    "generator": ({"x.yml": GENERATOR}, ["-i", "x.yml", "--export"]),
    "generator, then constructed": (
        {"1.yml": GENERATOR, "2.yml": "plugin: constructed\ngroups: {w: app == 'web'}\n"},
        ["-i", "1.yml", "-i", "2.yml"],
    ),
}
