"""What a training step would need on a TPU, said by the real compiler before anyone pays for one."""
