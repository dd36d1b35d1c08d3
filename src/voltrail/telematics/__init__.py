"""What vehicles send of their batteries while they drive."""
