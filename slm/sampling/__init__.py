"""How the model speaks: from logits to a token, and on."""
