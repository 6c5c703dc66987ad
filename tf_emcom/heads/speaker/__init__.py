"""Speaker heads: `policy_logits(outputs)` and `values(outputs)`."""
