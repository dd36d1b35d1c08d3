"""The registry: the only writer of the record, and its readers."""
