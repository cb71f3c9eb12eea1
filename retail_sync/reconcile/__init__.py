"""The matching core, and one .sql per reconciliation that asks it whether two sides of a truth agree."""
