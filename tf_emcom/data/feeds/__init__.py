"""How games come from memory to devices."""
