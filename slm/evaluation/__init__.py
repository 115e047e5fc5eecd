"""How good the model is: perplexity, bits per byte, and what to compare them with."""
