"""Training and evaluation, run from a checkout. The live application never imports this."""
