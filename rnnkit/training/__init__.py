"""Training: encoded rows -> batches -> the one fit."""
