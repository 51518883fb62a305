"""Writing: text -> memory -> text: what recipes that answer a text by a text share, from settings to signatures."""
