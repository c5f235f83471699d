"""The model's side of a review: agents, briefs, remarks, and the one room that talks to the service."""
