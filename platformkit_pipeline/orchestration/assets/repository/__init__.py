"""Assets about repositories, partitioned by `repositories`."""
