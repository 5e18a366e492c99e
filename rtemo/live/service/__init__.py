"""The engine as a service: controller, socket server, clients, and the snapshots that they receive."""
