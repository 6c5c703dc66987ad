"""How corpora lie in files, one class a file; a new format is a new file here."""
