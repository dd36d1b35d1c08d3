"""What cells, packs and vehicles can do: physics as pure functions."""
