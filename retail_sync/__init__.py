"""retail-sync: sources → raw → canonical → reconcile → journal → ledger, one package per stage."""

__version__ = "0.2.0"
