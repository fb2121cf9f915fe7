"""The controller's end: connections to hosts and the links to the agents that run there."""
