"""The sections of a report, one class a file: a new file is a new section."""
