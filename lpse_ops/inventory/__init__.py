"""Hosts, groups, variables and patterns, read from Ansible's inventory files."""
