"""Serving: raw texts, or tokens -> tags, entities and their places in the text, and how likely each is; one graph."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from rnnkit.answers import Signature
from rnnkit.decoding.viterbi import marginals, run_probability, viterbi
from rnnkit.features.tags import OUTSIDE
from rnnkit.features.token_features import Tokens
from rnnkit.features.token_texts import BETWEEN
from rnnkit.features.tokens import readable
from rnnkit.layers.crf import CRF
from rnnkit.recipe import Preparation
from rnnkit.tagger.core import BLEND, CHAIN, SCORES, moves_of

TEXT = tf.TensorSpec([None], tf.string, name="text")
TOKENS = tf.TensorSpec([None, None], tf.string, name="tokens")
SCHEMES = ("bio", "iob1", "bioes")
LAYER = "tokens"


@dataclasses.dataclass(frozen=True)
class Tagger:
    """A core with what its tokens are made by, and its tags.

    Attributes:
        tokens: Reads texts.
        sequences: Names of what the core eats.
        core: As `build_tagger` makes it.
        tags: Names, in order; those of entities as `entity_tags` orders them.
        entities: Whether they are of entities.
        scheme: How tags of entities are written, one of `SCHEMES`.
        chain: Makes log potentials of the core's logits, where it has no chain of its own; else None.
    """

    tokens: Tokens
    sequences: tuple[str, ...]
    core: keras.Model
    tags: tuple[str, ...]
    entities: bool
    scheme: str
    chain: CRF | None

    def signatures(self) -> dict[str, Signature]:
        """Returns the ways in which it is served: `serving_default` for texts, and `tokens` for those cut already.

        Both give `token (batch, time)`, `tag` and `tag_probability` alike, and `cut (batch,)`, whether there were more
        tokens than are read; of entities also `entity`, `label`, `start`, `end` and `probability`, `(batch, entities)`
        each, and `count (batch,)`: how many there are. Places count code points, the end is exclusive; of tokens, as
        if these were joined by single spaces. What stands behind a row's last token or entity is empty or 0.
        """
        return {
            "serving_default": Signature(self.answer, (TEXT,)),
            "tokens": Signature(lambda tokens: self.answer(joined(tokens)), (TOKENS,)),
        }

    def answer(self, text) -> dict[str, tf.Tensor]:
        """Answers raw texts `(batch,)`; see `signatures`."""
        text = readable(text)
        tokens, starts, ends, cut = self.tokens.split_and_cut(text)
        path, mask, single, moves = self.decoded(self.tokens.read(tokens))
        dense = tokens.to_tensor("")
        width = tf.shape(dense)[1]
        likely = tf.where(mask, tf.gather(single, path, batch_dims=2), 0.0)
        found = {
            "token": dense,
            "tag": tf.where(mask, self._written(path), "")[:, :width],
            "tag_probability": likely[:, :width],
        }
        if self.entities:
            found |= self._marked(text, path, mask, single, moves, starts.to_tensor(0), ends.to_tensor(0))
        return {**found, "cut": cut}

    def tags_of(self, text):
        """Returns the tags `(batch, time)` of raw texts, and nothing else."""
        read = self.tokens(text)
        mask = read["ids"] > 0
        return tf.where(mask, self._written(viterbi(self.potentials(read), mask)[0]), "")

    def decoded(self, read):
        """Returns the best tags `(batch, time)` of what was read, the mask, and `marginals` of tags and of moves."""
        mask = read["ids"] > 0
        potentials = self.potentials(read)
        path, _ = viterbi(potentials, mask)
        return path, mask, *marginals(potentials, mask)

    def potentials(self, read):
        """Returns log potentials `(batch, time, tags, tags)` of what was read of the tokens."""
        made = self.core({name: read[name] for name in self.sequences}, training=False)
        return made if self.chain is None else self.chain(tf.nn.log_softmax(made), mask=read["ids"] > 0)

    def apart(self) -> tuple[keras.Model, list[np.ndarray]]:
        """Takes the potentials apart.

        Returns:
            The core's tensors -> score of each tag at each token, `(batch, time, tags)`, and what is common to all
            tokens: the log potentials of moves `(tags, tags)`, of beginning and of ending `(tags,)`.
        """
        if self.chain is not None:
            return self.core, [part.numpy() for part in self.chain.moves()]
        layers = {layer.name: layer for layer in self.core.layers}
        scores, moves = layers["emissions"].output, [part.numpy() for part in layers["crf"].moves()]
        if BLEND in layers:
            blend = layers[BLEND]
            scores = blend([scores, layers[SCORES].output])
            parts = zip(moves, layers[CHAIN].moves(), strict=True)
            moves = [np.tensordot(blend.shares.numpy(), np.stack([own, part.numpy()]), 1) for own, part in parts]
        return keras.Model(self.core.input, scores), moves

    def _written(self, path):
        """Returns the names of tags, as their scheme writes them."""
        names = tf.gather(list(self.tags), path)
        if not self.entities or self.scheme == "bioes":
            return names
        opens = self._is(path, "BS")
        if self.scheme == "iob1":
            # A beginning is told only where an entity of the same label ends right before.
            before = tf.pad(path[:, :-1], [[0, 0], [1, 0]])
            label = tf.constant([tag[2:] for tag in self.tags])
            opens &= self._is(before, "ES") & (tf.gather(label, before) == tf.gather(label, path))
        of = {kind: tf.constant([OUTSIDE, *(f"{kind}-{tag[2:]}" for tag in self.tags[1:])]) for kind in "BI"}
        return tf.where(opens, tf.gather(of["B"], path), tf.gather(of["I"], path))

    def _is(self, path, kinds):
        return tf.gather(tf.constant([tag[:1] in kinds and tag != OUTSIDE for tag in self.tags]), path)

    def _marked(self, text, path, mask, single, moves, starts, ends):
        # As many begin as end, in order: nothing else is ever decoded.
        first = tf.cast(tf.where(mask & self._is(path, "BS")), tf.int32)
        last = tf.cast(tf.where(mask & self._is(path, "ES")), tf.int32)
        rows = first[:, 0]
        start, end = tf.gather_nd(starts, first), tf.gather_nd(ends, last)
        entity = tf.strings.substr(tf.gather(text, rows), start, end - start, unit="UTF8_CHAR")
        label = tf.gather(tf.constant([tag[2:] for tag in self.tags]), tf.gather_nd(path, first))
        found = {
            "entity": tf.strings.regex_replace(entity, BETWEEN, " "),
            "label": label,
            "start": start,
            "end": end,
            "probability": run_probability(path, single, moves, first, last),
        }
        batch = tf.shape(text)[0]
        ragged = {name: tf.RaggedTensor.from_value_rowids(x, rows, batch, validate=False) for name, x in found.items()}
        count = tf.math.bincount(rows, minlength=batch, maxlength=batch)
        return {**{name: x.to_tensor() for name, x in ragged.items()}, "count": count}


def joined(tokens):
    """Returns tokens `(batch, time)`, empty behind the last one, as texts `(batch,)` that are cut where they were."""
    tokens = tf.strings.regex_replace(tokens, BETWEEN, " ")
    real = tf.cumsum(tf.cast(tokens != "", tf.int32), 1, reverse=True) > 0
    # An empty one before the last has its place all the same.
    filled = tf.where(tokens == "", " ", tokens) + BETWEEN
    return tf.strings.reduce_join(tf.where(real, filled, ""), 1)


def tagger_of(preparation: Preparation, core: keras.Model, settings) -> Tagger:
    """Puts a tagger together."""
    tags, entities = preparation.labels, bool(preparation.facts["entities"])
    chain = None
    if settings.head != "crf":
        chain = CRF(moves_of(preparation.facts), name="chain")
        chain.build((None, None, len(tags)))
    tokens = preparation.features.get_layer(LAYER)
    return Tagger(tokens, preparation.sequences, core, tags, entities, settings.tag_scheme, chain)
