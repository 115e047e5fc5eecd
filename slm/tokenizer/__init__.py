"""How text becomes numbers, and numbers text."""
