"""The Python interface: what `import rtemo` offers, on the roads that the commands use."""
