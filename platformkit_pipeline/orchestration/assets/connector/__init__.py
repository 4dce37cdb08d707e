"""Assets about connectors, partitioned by `connectors`."""
