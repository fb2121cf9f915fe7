"""Modules for PostgreSQL on two equal clusters: by the collection's modules, and by ours."""
