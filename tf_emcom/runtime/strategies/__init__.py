"""How a step is spread over devices."""
