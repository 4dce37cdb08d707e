"""Environment drift (clause 4.3): another environment of the same project beside this one, object by object."""
