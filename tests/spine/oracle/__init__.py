"""A made-up service that the ledger asks and listens to; only its words are real."""
