"""evslot: find a charging station, book a slot, pay, come, plug in."""
