"""The tests: rules of the house, the spine, the services, the edge, and whole journeys."""
