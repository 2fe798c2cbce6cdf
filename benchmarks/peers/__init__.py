"""Direct peers: one process before the same PostgreSQL that holds slots with the same duties."""
