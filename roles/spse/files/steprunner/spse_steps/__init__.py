"""Upgrade an SPSE server step by step, so that it can be taken up again or undone anywhere.

Runs on the server: standard library only, Python 3.6.
"""
