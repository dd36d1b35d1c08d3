"""From packs to metals: what came in, what came out, what is missing, and where recovered metal went."""
