"""What a deploy does, before it does it: differences, steps, order, room, capacity, price. Pure."""
