"""Rules of the domain `quality`."""
