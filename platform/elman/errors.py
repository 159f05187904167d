"""What a user can get wrong."""

__all__ = ["BadInput"]


class BadInput(ValueError):  # noqa: N818  (it is the user's, not ours)
    """A mistake the user can mend, in one line: the file or argument, the value, the rule, the way out.

    The command line prints it without a traceback and exits with code 2.
    """
