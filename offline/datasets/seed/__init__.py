"""The SEED family: SEED, SEED-IV, SEED-V and SEED-VII, and the files that they share."""
