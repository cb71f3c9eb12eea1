"""Renderings for people: terminal tables, Dagster metadata, plots. They read results and compute no figure anew."""
