"""What a TPU would make of a compiled step, found without one."""
