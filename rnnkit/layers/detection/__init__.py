"""Detection: errors of a row -> how strange it is, whether it is an alarm, and what is kept for the next row."""
