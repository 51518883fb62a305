"""Exporters, one per target."""
