"""Why something went wrong, in the words of whoever found out."""


def first_line(error: Exception) -> str:
    """The first line of what an error says, or its name where it says nothing."""
    return (str(getattr(error, "message", None) or error).strip() or type(error).__name__).splitlines()[0]
