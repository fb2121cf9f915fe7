"""The filters of ansible-core, one module for each kind of value they work on."""
