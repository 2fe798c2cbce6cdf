"""People about: made-up drivers who book, pay, come, leave and change their minds, over HTTP."""
