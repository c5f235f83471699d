"""Rules of the domain `security`."""
