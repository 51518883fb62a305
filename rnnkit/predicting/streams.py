"""Streams: rows as they come -> their answers at once, on standard output."""

from typing import TYPE_CHECKING, TextIO

from rnnkit.predicting.answers import predictor_of
from rnnkit.predicting.forms import CsvForm, JsonForm
from rnnkit.predicting.tally import Tally
from rnnkit.sources.whole import WholeRows

if TYPE_CHECKING:
    from rnnkit.bundle import Bundle

SIZE = 512
"""Rows of a file answered at a time, so that the first ones come soon."""


def predict_stream(
    bundle: "Bundle",
    rows: WholeRows,
    output: TextIO,
    *,
    signature: str = "serving_default",
    as_lines: bool = False,
    prefix: str = "",
    skip: bool = False,
    images: str = "",
) -> Tally:
    """Writes rows and their answers to a stream, each as soon as it is known.

    Args:
        bundle: The model.
        rows: What is answered.
        output: Where to.
        signature: Which of the model's signatures answers.
        as_lines: Writes JSON lines rather than csv.
        prefix: See `added_names`.
        skip: Leaves out rows without an answer.
        images: See `predictor_of`.

    Returns:
        How many rows were answered, and what was wrong with the others.
    """
    predictor = predictor_of(bundle, rows, signature, skip=skip, images=images)
    form = (JsonForm if as_lines else CsvForm)(rows.table, predictor.outputs, prefix=prefix)
    tally = Tally()
    _put(output, form.head())
    for portion in rows.portions_as_they_come() if rows.waits else rows.portions(size=predictor.at_once(SIZE)):
        _put(output, form.rows(*predictor.answer(portion, tally)))
    return tally


def _put(output, content):
    output.write(content.decode())
    output.flush()
