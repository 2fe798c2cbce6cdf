"""SQL of the write side."""
