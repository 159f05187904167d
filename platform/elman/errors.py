"""What a user can get wrong."""


class BadInput(ValueError):
    """A mistake the user can mend: one line that names the file or argument, the value, the rule and the way out.

    The command line prints it without a traceback and exits with code 2.
    """
