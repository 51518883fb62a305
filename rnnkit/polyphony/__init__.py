"""Polyphony: pieces of several notes at once -> frames of what sounds -> the next frame, and pieces that go on."""
