"""The bench: faults with known truth through the real program, kills, fuzzing and soaks. See README.md beside this."""
