"""In-graph preparation: raw values -> tensors, learnt on the train split, and each inverse."""
