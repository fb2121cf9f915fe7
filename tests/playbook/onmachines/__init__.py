"""Plays for machines of the lab, and what runs them there."""
