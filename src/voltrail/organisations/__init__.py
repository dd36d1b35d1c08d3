"""Who reports: identifiers, roles with their dates, keys, audiences."""
