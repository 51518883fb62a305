"""Batches: splits of passages -> streams of ids -> windows for training and validation."""

from rnnkit.language.preparing import encode_passages
from rnnkit.language.units import units_of
from rnnkit.training.streams import StreamBatches, columns_of


def stream_batches(preparation, splits, settings, reporter) -> tuple[StreamBatches, StreamBatches]:
    """Encodes both splits once; returns the windows of train and of valid.

    Raises:
        ValueError: The train split, or valid, has no two tokens.
    """
    units, streams = units_of(preparation.features), []
    for split in ("train", "valid"):
        rows = getattr(splits, split)
        with reporter.task(f"encoding {split}", total=len(rows), unit="passages") as advance:
            stream = encode_passages(rows.chunks(), units, advance)
        if len(stream) < 2:
            raise ValueError(
                f"The {split} split has {len(stream)} tokens, and at least 2 are needed. "
                "Give more text, or files of their own by --valid and --test."
            )
        streams.append(stream)
    window, most = settings.window, settings.batch_size
    columns = [columns_of(len(stream), most, window) for stream in streams]
    return (
        StreamBatches(streams[0], columns[0], window, settings.seed if settings.random_windows else None),
        StreamBatches(streams[1], columns[1], window),
    )
