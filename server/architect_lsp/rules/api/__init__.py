"""Rules of the domain `api`."""
