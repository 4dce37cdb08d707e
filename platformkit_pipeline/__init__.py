"""Platform Kit pipeline: observe, store, judge, prove, act.

Importing the package does nothing but define its version; every room is imported on its own.
"""

__version__ = "0.1.0"
