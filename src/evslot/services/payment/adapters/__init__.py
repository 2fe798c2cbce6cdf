"""The outside world of money: the port to a payment provider, and who stands behind it."""
