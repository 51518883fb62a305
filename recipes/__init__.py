"""Recipes: one file per application, installed as the package rnnkit.recipes."""
