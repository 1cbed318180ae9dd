"""The benchmarks: `python -m bench` in the root of a clone; `README.md` says what each case means."""
