"""The command line: what it makes up and does by itself."""
