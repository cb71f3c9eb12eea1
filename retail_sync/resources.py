"""What assets are given: the pipeline of the home that this Dagster instance works on. No asset logic lives here."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from retail_sync.pipeline import Pipeline, Window
from retail_sync.settings import Home

__all__ = ["HomeResource", "Window"]


class HomeResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The home directory; empty means RETAIL_SYNC_HOME, else `data/` of the checkout."""

    path: str = ""

    @property
    def home(self) -> Home:
        """The home itself."""
        return Home.locate(Path(self.path) if self.path else None)

    def pipeline(self, context: dg.AssetExecutionContext) -> Pipeline:
        """The stages, with the run's id as trace id and the run's log for progress."""
        return Pipeline(self.home, context.run_id, context.log.info)
