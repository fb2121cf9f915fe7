"""The lookups of ansible-core."""
