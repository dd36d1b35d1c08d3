"""What a battery is still good for: what is known of it, its gates, its worth, what should become of it."""
