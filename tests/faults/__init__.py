"""The proof: the real system under faults, what drivers saw of it, and who judges."""
