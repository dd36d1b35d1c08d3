"""PostgreSQL: embedded or given, its schema, and the rows of the record."""
