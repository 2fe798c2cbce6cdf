"""Journeys over real HTTP through the whole system, each process its own."""
