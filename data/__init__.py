"""Holds the small samples that recipes run on by default, or makes them at first use; README.md describes each."""

MADE = {"scenes.csv": "scenes:write_scenes", "digits.csv": "digits:write_digits"}
"""Samples that aren't in the folder: file name -> the module and function here that writes it to a path."""

SOURCES = ("digits.py", "scene_drawing.py", "scene_grammar.py", "scenes.py")
"""The files here that decide what is made."""
