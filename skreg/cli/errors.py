"""What the user can put right."""


class UserError(Exception):
    """Bad input from the user: ends the command with one line on stderr and exit code 2."""
