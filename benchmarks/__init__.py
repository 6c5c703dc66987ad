"""What `bin/benchmark` measures. It runs from the repository and is not part of the installed package."""
