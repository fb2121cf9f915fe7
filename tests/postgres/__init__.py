"""The postgres room, tested against real servers."""
