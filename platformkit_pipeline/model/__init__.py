"""The nouns of the product: frozen, free of I/O, importable by every other room.

Nothing here opens a file, a socket or a database, and nothing here imports another room of the package.
"""
