"""Rules of the domain `agents`."""
