"""Draw diagrams: from a draw.io source to a PNG that carries it. What cannot be drawn as it is meant is refused, by name."""
