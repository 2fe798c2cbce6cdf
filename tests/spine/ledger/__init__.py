"""A made-up service, laid out as services are, that does each thing the spine allows."""
