"""The protocols that rank systems of face recognition."""
