"""ansible-core's own integration targets, run by our engine."""
