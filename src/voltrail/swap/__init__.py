"""Battery swapping: stations, what they need, and how long trucks wait."""
