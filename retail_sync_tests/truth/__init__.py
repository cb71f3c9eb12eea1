"""A small retailer by seed, the kinds of problem that are planted in it, and what the product must say of each."""
