"""How far apart two messages, or two meanings, are."""
