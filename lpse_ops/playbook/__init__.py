"""Plays in Ansible's format: read, planned and executed."""
