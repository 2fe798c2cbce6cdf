"""The rules of money: the life of a payment, and the ledger."""
