"""The one exception that a user's mistake raises."""


class UserError(ValueError):
    """A mistake of the user, told in one clear sentence.

    The message says what was given, what the limit is and how to mend it. The commands print it without a traceback and
    exit with status 2; in Python it is an ordinary `ValueError`.
    """
