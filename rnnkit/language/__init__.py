"""Language: what language models share, from settings of their tokens to what they write and how they are scored."""
