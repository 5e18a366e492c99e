"""Measures what each element of trust does on simulated people that no model was trained on."""
