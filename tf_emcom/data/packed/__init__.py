"""A cache of decoded features: one file each, which is mapped into memory instead of read."""
