"""Opening: what the user named -> the source it is."""

from collections.abc import Sequence

from rnnkit.series.frame_source import FrameSource
from rnnkit.series.text_source import TextSource
from rnnkit.sources.data_frames import is_data_frame
from rnnkit.sources.format import Format
from rnnkit.sources.locate import ENDINGS, existing, table_ending
from rnnkit.sources.public_sets import PREFIX


def open_source(data, format: Format, used: Sequence[str] = (), time: str = "") -> TextSource | FrameSource:
    """Opens a table of any kind.

    Args:
        data: A path or a DataFrame.
        format: How texts are written.
        used: Names of columns that are asked for, which tell a header from a row.
        time: Name of the time column, which may be the index of a DataFrame.

    Raises:
        ValueError, LookupError, OSError: It isn't there, or of no known kind.
    """
    if is_data_frame(data):
        return FrameSource(data, time)
    if isinstance(data, str) and data.startswith(PREFIX):
        raise ValueError(f"Series are read from a file or a DataFrame. Got {data!r}. Name a file such as weather.csv.")
    path = existing(data)
    if path.is_dir():
        raise IsADirectoryError(f"{data} is a folder. Name a file in it that ends in one of {', '.join(ENDINGS)}.")
    if table_ending(path.name) == ".parquet":
        return FrameSource(data)
    return TextSource(data, format, used)
