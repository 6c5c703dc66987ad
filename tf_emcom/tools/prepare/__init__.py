"""Data sets of features, from folders of images."""
