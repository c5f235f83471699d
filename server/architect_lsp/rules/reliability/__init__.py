"""Rules of the domain `reliability`."""
