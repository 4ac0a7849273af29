"""BentoML services: what serves decisions over the network, and the command that starts it."""
