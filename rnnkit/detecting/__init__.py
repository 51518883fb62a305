"""Detecting: readings of sensors -> parts, scores of strangeness, alarms, and the truth that they are judged by."""
