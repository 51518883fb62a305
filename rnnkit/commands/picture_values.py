"""Picture values, of predict: files or data URIs on the command line -> answers for a person, or a picture of them."""

import json
import sys

from rnnkit.bundle import Bundle
from rnnkit.images.contents import bytes_of
from rnnkit.messages import listed
from rnnkit.predicting.answers import predictor_of
from rnnkit.predicting.pictures import KEY, Given, Pictures
from rnnkit.predicting.tally import Tally
from rnnkit.sources.portions import readable
from rnnkit.sources.text_lines import Texts
from rnnkit.sources.whole import WholeRows

ATTENTION = "attention"
NEEDED = ("caption", "written", "weights")
"""Outputs of the signature by which attention is drawn."""
DRAWN = 448
"""Pixels of the longer side of a picture on which attention is drawn."""
LONGEST = 60
"""Characters of a value that are shown; data URIs are long."""


def print_answers(bundle: Bundle, values: dict) -> None:
    """Prints the answer to each picture; on stderr, why one has none.

    Raises:
        SystemExit: With 1, where no picture has an answer.
    """
    features = tuple(bundle.card["inputs"])
    rows = WholeRows(Texts(values["texts"], features[0]), features)
    predictor, tally = predictor_of(bundle, rows, values["signature"], skip=False, images=values["images"]), Tally()
    for portion in rows.portions(size=predictor.at_once(len(values["texts"]))):
        portion, answers = predictor.answer(portion, tally)
        columns = {output.name: answers.rounded(output) for output in predictor.outputs}
        for row, (name,) in enumerate(portion.cells()):
            if fault := portion.faults.get(row):
                print(f"{_shown(name)}: {_described(fault)}", file=sys.stderr)
            else:
                print(_line(_shown(name), {each: column[row] for each, column in columns.items()}))
    if not tally.answered:
        raise SystemExit(1)


def _line(name, answer):
    if "probability" in answer:
        return f"{answer['label']:12} {max(answer['probability']):.3f}   {name}"
    if isinstance(answer.get("caption"), str) and "written" not in answer:
        return f"{name}  →  {answer['caption']}"
    return json.dumps({"image": name, **answer}, ensure_ascii=False)


def _shown(name):
    name = readable(name)
    return name if len(name) <= LONGEST or not name.startswith("data:") else f"{name[: LONGEST - 1]}…"


def _described(fault):
    text = f"{fault.kind}: {fault.detail}" if fault.detail else fault.kind
    return text if text.endswith("?") else f"{text}."


def draw_attention(bundle: Bundle, values: dict) -> None:
    """Draws where was looked when each piece of a picture's caption was written.

    Raises:
        ValueError: The file is no .png, there is not one picture, it can't be read, or the bundle tells no attention.
    """
    path, texts = values["attention"], values["texts"]
    if not path.lower().endswith(".png"):
        raise ValueError(f"--attention must name a .png file. Got {path!r}.")
    if len(texts) != 1:
        raise ValueError(f"--attention draws one picture given on the line. Got {len(texts)}.")
    outputs = bundle.card["signatures"].get(ATTENTION, {"outputs": ()})["outputs"]
    if missing := [name for name in NEEDED if name not in outputs]:
        raise ValueError(
            f"{bundle.path} has no attention to draw: no signature {ATTENTION!r} that gives {listed(missing)}."
        )
    pictures, faults = Pictures(Given(), bundle.card["settings"]["most_pixels"]), {}
    for _, contents in pictures.opened(texts, faults):
        answers = bundle.predict({bundle.card["inputs"][0]: contents}, signature=ATTENTION)
        faults |= pictures.unreadable(contents, answers)
        if not faults:
            _draw(path, bundle, contents[0], {name: answers[name][0] for name in NEEDED})
    if faults:
        raise ValueError(f"{_shown(texts[0])}: {_described(faults[0])} Give another picture.")


def _draw(path, bundle, content, answer):
    # Here, for it takes half a second and most predictions draw nothing.
    from rnnkit.caption_pictures import draw_overlays
    from rnnkit.export.run_images import pixels_of

    size, settings = bundle.card[KEY], bundle.card["settings"]
    scale = max(1, round(DRAWN / max(size["height"], size["width"])))
    how = {name: size[name] * scale for name in ("height", "width")}
    how |= {"channels": 3, "fit": settings["fit"], "most_pixels": settings["most_pixels"]}
    pixels, _ = pixels_of(bytes_of(content), how)
    written = [piece for piece in answer["written"] if piece]
    draw_overlays(path, pixels, answer["caption"], written, answer["weights"][: len(written)])
