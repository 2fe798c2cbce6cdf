"""What is on the wire stays readable: one golden file for each message type and version."""
