"""Released entries leave through the outbox to one adapter, exactly once, and are read back."""
