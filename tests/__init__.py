"""Tests; the folders mirror those of ``lpse_ops``."""
