"""Captioning: pictures -> a grid of features -> attention decoder -> texts; or one label a picture."""
