"""Measurements of the running system beside peers that do the same without it."""
