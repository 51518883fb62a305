"""Batches: splits of raw pairs -> encoded pairs -> batches for training and validation."""

from rnnkit.training.pair_batches import PairBatches, encode_pairs, pair_encoder

VALIDATION_ROWS = 128


def pair_batches(preparation, splits, settings, reporter) -> tuple[PairBatches, PairBatches]:
    """Encodes both splits once; returns the batches of train and of valid."""
    stores, encoded = [], pair_encoder(preparation)
    for split in ("train", "valid"):
        rows = getattr(splits, split)
        with reporter.task(f"encoding {split}", total=len(rows), unit="rows") as advance:
            stores.append(encode_pairs(rows, encoded, advance))
    size = min(VALIDATION_ROWS, len(stores[1]))
    return (
        PairBatches(stores[0], settings.batch_size, settings.seed, settings.token_budget),
        PairBatches(stores[1], size),
    )
