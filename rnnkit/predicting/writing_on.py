"""Writing on: a text and a bundle that says what comes next -> the text that follows, piece by piece as it is drawn.

No recipe is known by name: any bundle will do that has the signatures `encode`, text -> ids; `step`, ids and states ->
log_probability and states; and `join`, ids -> text.
"""

import dataclasses
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from rnnkit.messages import listed
from rnnkit.predicting.manner import Manner, manner_of
from rnnkit.predicting.spelling import Spelling, Stops
from rnnkit.progress import SILENT, Reporter

if TYPE_CHECKING:
    import numpy as np

    from rnnkit.bundle import Bundle

NEEDED = ("encode", "join", "step")
GENERATE = "generate"
ASKED = {"text", "length", "temperature", "top_k", "top_p", "seed"}
"""What `generate` takes."""
OUTPUTS = {
    "generated": {"dtype": "string", "shape": [None]},
    "log_probability": {"dtype": "float32", "shape": [None]},
}


def write_on(
    bundle: "Bundle | str | pathlib.Path",
    prompt: str,
    *,
    length: int | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    stop: str | Sequence[str] | None = None,
    repetition_penalty: float | None = None,
    blocked_ngram: int | None = None,
    reporter: Reporter = SILENT,
) -> Iterator[str]:
    """Writes what follows a text, token by token. What is None is as the bundle was trained.

    The same prompt and seed have the same text, and it is the one that the signature `generate` answers, but for a
    space before its first word where the prompt needs one; and but for `repetition_penalty`, which is put on log
    probabilities here and on logits there.

    Args:
        bundle: The bundle or its path.
        prompt: The text; '' for none. Tokens never seen in training are read as unknown.
        length: Most tokens.
        temperature: Logits are divided by it; 0 takes the most probable token.
        top_k: Only so many of the most probable tokens are drawn; 0 for all.
        top_p: Only the fewest tokens that make up this share of the chances are drawn.
        seed: Of the draws.
        stop: Text, or several, at the first of which the writing ends; it is left out. () for none.
        repetition_penalty: What log probabilities of tokens that were written are multiplied by.
        blocked_ngram: No run of so many tokens is written twice; 0 for no such rule.
        reporter: Told what a person should know of the prompt.

    Yields:
        Texts that aren't empty, one after the other; a character is whole, and what may become a stop is held back.

    Raises:
        LookupError, ValueError, OSError: At the call, as the message says.
    """
    from rnnkit import bundle as bundles

    given = {
        "length": length,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "seed": seed,
        "stop": stop,
        "repetition_penalty": repetition_penalty,
        "blocked_ngram": blocked_ngram,
    }
    bundle = bundles.load(bundle) if isinstance(bundle, (str, pathlib.Path)) else bundle
    if not isinstance(prompt, str):
        raise ValueError(f"prompt must be a text. Got {prompt!r}.")
    sizes, manner = state_sizes(bundle), manner_of(bundle, given)
    return _pieces(bundle, sizes, prompt, manner, reporter)


def state_sizes(bundle: "Bundle") -> dict[str, int]:
    """Returns the sizes of the states of a bundle's `step` by name.

    Raises:
        ValueError: The bundle can't write texts on.
    """
    known = bundle.card["signatures"]
    mend = "Name a bundle of a language model, or leave out what says how to write."
    if missing := [name for name in NEEDED if name not in known]:
        raise ValueError(f"{bundle.path} can't write a text on: it has no signature {listed(missing)}. {mend}")
    if set(known["join"]["inputs"]) != {"ids"}:
        takes = listed(known["join"]["inputs"])
        raise ValueError(
            f"{bundle.path} can't write a text on: its signature 'join' takes {takes}, not ids alone. {mend}"
        )
    step = known["step"]
    states = {name: form for name, form in step["inputs"].items() if name != "ids"}
    fits = all(form["dtype"] == "float32" and len(form["shape"]) == 2 and form["shape"][1] for form in states.values())
    if "ids" not in step["inputs"] or not fits or not {"log_probability", *states} <= step["outputs"].keys():
        raise ValueError(
            f"{bundle.path} can't write a text on: its signature 'step' takes {listed(step['inputs'])} and gives "
            f"{listed(step['outputs'])}, and not ids and states to log_probability and the same states. {mend}"
        )
    return {name: form["shape"][1] for name, form in states.items()}


def _pieces(bundle, sizes, prompt, manner, reporter):
    stepper, ids = _read(bundle, sizes, prompt, manner, reporter)
    spelling, stops = Spelling(stepper.spelled, ids), Stops(manner.stop)
    for _, text in _written(stepper, prompt, ids, manner, spelling, stops):
        if text:
            yield text


def _read(bundle, sizes, prompt, manner, reporter):
    """Returns what steps, and the ids of the prompt that are read; says what is left out or not understood."""
    model = bundle.model
    from rnnkit.layers.embedding import UNKNOWN
    from rnnkit.predicting.stepping import Stepper

    stepper = Stepper(model, sizes)
    ids = stepper.ids(_bytes(prompt))
    shown = repr(prompt if len(prompt) <= 40 else f"{prompt[:39]}…")
    if len(ids) > manner.prompt:
        reporter.say(f"note: of the {len(ids):,} tokens of {shown} the last {manner.prompt:,} are read.")
        ids = ids[-manner.prompt :]
    if unknown := ids.count(UNKNOWN):
        tokens = f"token of {shown} was" if unknown == 1 else f"tokens of {shown} were"
        reporter.say(f"note: {unknown:,} {tokens} never seen in training: read as unknown.")
    return stepper, ids


def _written(stepper, prompt, ids, manner, spelling, stops):
    """Yields after each token the log probability of all so far, and the text that is sure by then."""
    from rnnkit.layers.embedding import END

    total = 0.0
    for token, total in stepper.tokens(_bytes(prompt), ids, manner):
        if token == END:
            break
        yield total, stops.add(spelling.add(token))
        if stops.found:
            return
    yield total, stops.add(spelling.rest()) + stops.rest()


def _bytes(prompt):
    # A byte that was no UTF-8, as Python reads it from the command line, goes to the graph as it was.
    return prompt.encode("utf-8", "surrogateescape")


@dataclasses.dataclass(frozen=True)
class WritingOn:
    """A bundle that answers texts by writing them on in one manner; stands for the bundle where rows are answered.

    Attributes:
        bundle: The bundle.
        manner: How it writes.
        many: Whether the signature `generate` writes, many texts at once, rather than `step`, one after the other.
        reporter: Told what a person should know of a text.
    """

    bundle: "Bundle"
    manner: Manner
    many: bool = False
    reporter: Reporter = SILENT

    def __post_init__(self):
        if not self.many:
            state_sizes(self.bundle)
            return
        known = self.bundle.card["signatures"].get(GENERATE, {"inputs": {}, "outputs": {}})
        if set(known["inputs"]) != ASKED or not OUTPUTS.keys() <= known["outputs"].keys():
            raise ValueError(
                f"{self.bundle.path} can't write on the texts of a file: it has no signature {GENERATE!r} of "
                f"{listed(sorted(ASKED))}. Give texts as values, or leave out what says how to write."
            )

    @property
    def path(self) -> pathlib.Path:
        """The bundle's folder."""
        return self.bundle.path

    @property
    def card(self) -> dict:
        """The bundle's card, of whose signatures there is `generate` alone, with what `predict` answers."""
        inputs = {name: {"dtype": "string", "shape": [None]} for name in self.bundle.card["inputs"]}
        return {**self.bundle.card, "signatures": {GENERATE: {"inputs": inputs, "outputs": OUTPUTS}}}

    def predict(self, rows: Mapping[str, Sequence[str]], *, signature: str = GENERATE) -> "dict[str, np.ndarray]":
        """Returns for texts what follows, `generated (rows,)`, and `log_probability (rows,)` of both together.

        Unlike the pieces of `write_on`, the answer has no space before its first word.
        """
        del signature
        model = self.bundle.model
        import numpy as np

        from rnnkit.predicting.stepping import generated

        (texts,) = rows.values()
        if self.many:
            found = generated(model.signatures[GENERATE], texts, self.manner)
            words = [text.decode("utf-8", "replace") for text in found["generated"]]
            return {"generated": np.array(words, object), "log_probability": found["log_probability"]}
        words, totals = zip(*map(self._answer, texts), strict=True) if texts else ((), ())
        return {"generated": np.array(words, object), "log_probability": np.array(totals, np.float32)}

    def _answer(self, prompt):
        stepper, ids = _read(self.bundle, state_sizes(self.bundle), prompt, self.manner, self.reporter)
        spelling, stops = Spelling(stepper.spelled), Stops(self.manner.stop)
        totals, pieces = zip(*_written(stepper, prompt, ids, self.manner, spelling, stops), strict=True)
        return "".join(pieces), totals[-1]
