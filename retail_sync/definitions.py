"""What Dagster loads (`dagster dev -m retail_sync.definitions`): the graph that `retail_sync/defs/assembly.py` assembles."""

from retail_sync.defs.assembly import defs

__all__ = ["defs"]
