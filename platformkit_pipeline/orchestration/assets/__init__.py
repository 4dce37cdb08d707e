"""Assets by stage. Each module holds the specs of its stage and the function that carries it out for one target."""
