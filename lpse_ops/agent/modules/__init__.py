"""One module for each of Ansible's modules that has a part on the host; see ``dispatcher``."""
