"""Machinery that knows no service: messages, transactions, lanes, outbox, inbox, jobs, sagas."""
