"""Real machines for tests: a quick sshd, slow lines, and whole Debian hosts with systemd.

=================  ====================================================  =======================
``sshd.py``        a real sshd on loopback; the host is this machine     0.1 s
``delayproxy.py``  a line with delay and rate before any TCP port        0.1 s
``lab.py``         Debian with systemd, sshd, sudo, apt and an address   0.5 s, and 40 s once to
                   of its own; lines that are slow, lose, or are out     make the first disk
=================  ====================================================  =======================

In tests: the fixtures of ``fixtures.py``.  By hand: ``python -m tests.lab --help``.  What must be
installed: ``needs.py``.  Nothing outlives its owner: see ``leash.py`` and ``keeper.py``.
"""
