"""Keeps Indonesian e-procurement (LPSE/SPSE) servers backed up, restorable and documented."""
