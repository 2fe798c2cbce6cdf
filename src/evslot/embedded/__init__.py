"""The real PostgreSQL, the real Kafka and the mail catcher that a developer's machine runs."""
