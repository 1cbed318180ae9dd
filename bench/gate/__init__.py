"""Regression gate: instructions, system calls and allocations per call. See README.md."""
