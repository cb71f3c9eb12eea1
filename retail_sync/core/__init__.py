"""Money, dates, errors, locks and the warehouse connection: imports nothing of ours and never Dagster."""
