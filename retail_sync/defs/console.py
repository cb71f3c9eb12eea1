"""The console log of a run: the assets' own sentences, without Dagster's event noise (that is in the UI)."""

import logging
import sys

import dagster as dg

# What was skipped follows from the one step that failed, which the command line tells by itself. The other is about
# Dagster's own bookkeeping of days: their results are told twice on purpose (defs/reconcile.py).
_NOISE = ("Dependencies for step", "Data version mismatch for asset")


class _Sentences(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        meta = getattr(record, "dagster_meta", None) or {}
        step = meta.get("step_key") or ""
        message = str(meta.get("orig_message") or record.getMessage()).splitlines()[0]
        return f"  {step.replace('__', ' ').replace('_', ' ')}: {message}" if step else f"  {message}"


def _is_ours(record: logging.LogRecord) -> bool:
    meta = getattr(record, "dagster_meta", None) or {}
    return not meta.get("dagster_event") and not str(meta.get("orig_message")).startswith(_NOISE)


@dg.logger
def console_log(_context: dg.InitLoggerContext) -> logging.Logger:
    """Print progress to standard error; warnings and errors too, tracebacks not (they are in the UI)."""
    logger = logging.Logger("retail_sync", level=logging.INFO)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Sentences())
    handler.addFilter(_is_ours)
    logger.addHandler(handler)
    return logger
