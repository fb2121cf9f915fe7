"""Figures of ``set_stats`` at the end of a run, beside ansible-core's."""

from tests.cli.commands import lpse_ops
from tests.playbook.loading import run_ansible

PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - set_stats: {data: {n: 1, l: [a], s: x, d: {k: {a: 1}}}}
    - set_stats: {data: {d: {k: {b: 2}}, n: "{{ 2 if inventory_hostname == 'a' else 4 }}"}}
    - set_stats: {data: {n: 2}, per_host: true}
    - set_stats: {data: {n: "{{ item }}"}, per_host: "yes"}
      loop: [5, 6]
    - set_stats: {data: {s: é}, aggregate: no}
      when: inventory_hostname == 'a'
    - set_stats: {data: {n: text, b: true}}
    - set_stats: {data: 5}
      ignore_errors: true
    - set_stats:
    - set_stats: {data: {"a b": 5}}
      ignore_errors: true
"""
RUN = ("-i", "a,b,", "-c", "local", "play.yml")
HEAD = "CUSTOM STATS:"


def test_the_recap_shows_them_when_it_is_told_to(tmp_path):
    (tmp_path / "play.yml").write_text(PLAY)
    (tmp_path / "ansible.cfg").write_text("[defaults]\nshow_custom_stats = true\nforks = 1\n")
    theirs = run_ansible("ansible-playbook", *RUN, cwd=tmp_path)
    ours = lpse_ops("playbook", "run", *RUN, cwd=tmp_path)
    assert (ours.code, theirs.returncode) == (0, 0)
    expected, told = (text.partition("PLAY RECAP")[2] for text in (theirs.stdout, ours.stdout))
    assert HEAD in expected
    assert told == expected


def test_nobody_asked_for_them(tmp_path):
    (tmp_path / "play.yml").write_text(PLAY)
    assert HEAD not in lpse_ops("playbook", "run", *RUN, cwd=tmp_path).stdout
