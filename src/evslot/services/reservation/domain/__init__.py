"""The rules of a booking, as plain functions on frozen records; no clock but the one passed in."""
