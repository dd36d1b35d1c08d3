"""What is spoken with others: the witness that cosigns logs, and the asking of witnesses."""
