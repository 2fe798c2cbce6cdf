"""The outside world of the station service."""
