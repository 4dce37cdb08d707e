"""The parts of the isolation probe: who tries, what rows there are or are made up, what policies say to them, and writing."""
