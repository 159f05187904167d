"""What each command of the front door does, and says of itself."""
