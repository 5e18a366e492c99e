"""How the window's views are arranged: docks, their titles, what is restored, and which keys belong to what."""
