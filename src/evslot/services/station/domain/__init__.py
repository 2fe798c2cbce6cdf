"""Rules of supply: wall time, opening hours, slots, prices, terms, what a station may be."""
