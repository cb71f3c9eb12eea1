"""What we did to the outside world and what people decided: the operations database (SQLAlchemy Core)."""
