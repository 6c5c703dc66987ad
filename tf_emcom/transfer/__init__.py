"""What a new listener is asked about the messages of a trained speaker: the transfer tasks."""
