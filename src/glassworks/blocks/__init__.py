"""Mathematics that three systems or more share, one concept a file."""
