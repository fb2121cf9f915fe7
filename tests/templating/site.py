# ruff: noqa: E501
"""The files beside the play that templates of the cases look up."""

from pathlib import Path

_FILES = {
    "files/data.txt": "data {{ n }}\n\n",
    "files/other.txt": "other\n",
    "files/a.ini": "[sec]\nkey=value\nk2 = two\n",
    "files/key.ini": "[sec]\nkey\nOther=x\n[global]\nint=%(home)s/x\nhome=/h\nspace key = v\n",
    "files/bad.ini": "[sec]\nkey=1\nKEY=2\n",
    "files/two words.csv": '"a b",one,"x, y"\r\nc,two\r\n"q""",three\r\n',
    "files/tabs.csv": "a\tone\nb\ttwo\n",
    "files/latin.ini": "[global]\nname=Caf\u00e9\n",
    "files/.hidden.txt": "",
    "beside.glob": "",
    "templates/self.j2": "{{ ansible_managed }} {{ template_path }} {{ template_fullpath }} {{ template_uid }} {{ template_host }}\n",
    "templates/globals.j2": "{% macro f(x) %}{{ x }}{{ lookup('pipe', 'echo y') }}{{ q('list', n | default('U')) }}{{ 'files/a.ini' is file }}{% endmacro %}\n",
    "templates/uses.j2": "{% from 'globals.j2' import f %}{% import 'globals.j2' as g %}{{ f('a') }}{{ g.f(n) }}\n",
    "templates/without.j2": "{% include 'm.j2' without context %}{% include 'nonl.j2' ignore missing without context %}\n",
    "files/a.properties": "user.name=ani\n",
    "files/a.csv": "a,1,one\nb,2,two\n",
    "templates/a.j2": "T {{ n }} {{ s }}\n{% if yes_ %}\nyes\n{% endif %}\nend\n",
    "templates/inc.j2": (
        "{% include 'a.j2' %}|{% import 'm.j2' as m with context %}{{ m.f(1) }}"
        "{% from 'm.j2' import f %}{{ f(2) }}{% for i in l %}{% include 'loop.j2' %}{% endfor %}\n"
    ),
    "templates/loop.j2": "<{{ i }}{{ t }}>",
    "templates/m.j2": "{% macro f(x) %}<{{ x }}{{ n | default('U') }}>{% endmacro %}\n",
    "templates/head.j2": "#jinja2: lstrip_blocks: True, trim_blocks: False\n  {% if n %}\na\n  {% endif %}\n",
    "templates/base.j2": "A{% block one %}base{% endblock %}B{{ self.one() }}{{ s }}\n",
    "templates/ext.j2": "{% extends 'base.j2' %}{% block one %}[{{ super() }} {{ t }}]{% endblock %}\n",
    "templates/ws.j2": "a\n  {% if n %}\n  b {{ n }} \n  {%- endif %}\n\n  {# c #}\nc  {% if n %} d {% endif %}\n\n",
    "templates/native.j2": "{{ l }} {{ nil }} {{ d }} {{ yes_ }} {{ f }}\n",
    "templates/vs.j2": "[[ n ]] {{ n }}\n",
    "templates/nonl.j2": "{{ n }}",
    "templates/esc.j2": "{{ 'a\\\\b' }} {{ 'foo' | regex_replace('(o)', '\\\\1-') }} \\n\n",
    "templates/crlf.j2": "a\r\n{{ n }}\r\n",
    "templates/macro.j2": (
        "{% macro row(a, b='x') -%}\n{{ a }}-{{ b }}{{ caller() if caller else '' }}\n{%- endmacro %}\n"
        "{% call row(n) %}in{% endcall %}{{ row(1, b=t) }}{% set ns = namespace(i=0) %}\n"
        "{% for w in words %}{% set ns.i = ns.i + 1 %}{{ ns.i }}{{ w }}{{ ',' if not loop.last }}{% endfor %}\n"
    ),
    "templates/undef.j2": "{{ nope }}\n",
    "templates/do.j2": "{% do l.append(1) %}\n",
}


def write_site(folder: Path) -> None:
    for name, content in _FILES.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content.encode())
