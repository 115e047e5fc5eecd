"""How the model learns: the optimizer, the loop, and exact continuation."""
