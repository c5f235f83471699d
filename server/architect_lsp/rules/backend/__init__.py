"""Rules of the domain `backend`."""
