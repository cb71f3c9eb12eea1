"""The nouns every stage shares: canonical tables as pandera models, and the journal entry."""
