"""Other libraries, each in its own process with the Python of ``.venv-peers`` (`make bench-peers`)."""
