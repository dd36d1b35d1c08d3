"""The wave that is coming: adoption, stock, retirement, materials, makers, and how they feed each other."""
