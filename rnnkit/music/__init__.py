"""Music: tunes and pieces from files -> notes, chords and bars -> events, and back to files that can be played."""
