"""Reconciled facts and governed rules in, balanced desired entries out. Nothing here talks to a ledger."""
