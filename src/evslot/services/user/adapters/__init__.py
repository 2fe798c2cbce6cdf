"""What the user service needs from outside: the processor, for hashing passwords."""
