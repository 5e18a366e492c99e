"""Random sessions in one process: plans of faults, losses, kills and commands, live and replayed."""
