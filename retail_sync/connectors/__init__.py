"""One system, one file: how its deliveries are read and become canonical rows. Nothing else knows a format."""
