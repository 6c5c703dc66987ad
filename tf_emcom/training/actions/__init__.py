"""What happens between two calls of the compiled loop."""
