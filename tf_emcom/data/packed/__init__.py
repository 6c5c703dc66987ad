"""A data set's columns, packed into files on the local disk."""
