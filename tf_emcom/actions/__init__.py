"""What happens every so many steps, outside the compiled step."""
