"""One page about runs: what they were, how they learnt, what their tests say; read from their folders alone."""
