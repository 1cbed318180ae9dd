"""DataFrames into DolphinDB, fast: the official client's spelling, columns serialized in C."""
