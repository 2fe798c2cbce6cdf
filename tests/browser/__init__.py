"""The drivers' app in a real browser, and its types."""
