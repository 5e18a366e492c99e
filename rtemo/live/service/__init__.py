"""The engine as a service: the socket, its clients, and what they are told."""
