"""Holds the small invented samples that recipes run on by default; README.md describes each."""
