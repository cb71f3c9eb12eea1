"""The Dagster graph, one file per stage. Assets are thin: the work is in the stage packages."""
