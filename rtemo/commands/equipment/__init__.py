"""Commands about streams, devices and this computer: streams, devices, doctor, simulate."""
