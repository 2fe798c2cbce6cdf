"""The parts of the system: one folder, one process, one database each."""
