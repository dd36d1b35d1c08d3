"""Numbered SQL scripts, run in order when a database is opened."""
