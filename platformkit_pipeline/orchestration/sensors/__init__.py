"""What is watched, one module each."""
