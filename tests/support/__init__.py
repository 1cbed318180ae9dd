"""Machinery shared by the tests: a recording server, a corpus of frames, an independent encoder."""
