"""Rules of people: addresses, passwords, codes, sessions, profiles, organisations."""
