"""Task scores and the baselines beside them: truth and predictions -> named numbers."""
