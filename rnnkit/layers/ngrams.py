"""N-gram scores: word ids -> which words, pairs, triples … a text has -> a weight of each per class, summed."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="rnnkit")
class NgramScores(keras.layers.Layer):
    """A linear model of n-grams inside a network, with weights learnt beforehand.

    `ids (batch, time) -> (batch, classes)` float32. Each n-gram counts once a text; padding,
    id 0, not at all. While the network trains it gives zeros and costs nothing: `Blend` does
    not look at it then.

    Args:
        longest: Words in the longest n-gram.
        vocabulary: Number of word ids.
        buckets: Ids, from `vocabulary` on, that n-grams of two words and more are hashed to.
        classes: Number of classes.
    """

    def __init__(self, longest, vocabulary, buckets, classes, **kwargs):
        super().__init__(trainable=False, dtype="float32", **kwargs)
        self.longest, self.vocabulary, self.buckets, self.classes = longest, vocabulary, buckets, classes

    def build(self, shape):
        rows = self.vocabulary + self.buckets
        self.weights_ = self.add_weight(shape=(rows, self.classes), initializer="zeros", name="weights")
        self.bias = self.add_weight(shape=(self.classes,), initializer="zeros", name="bias")

    def call(self, ids, training=False):
        if training:
            return ops.zeros((ops.shape(ids)[0], self.classes), "float32")
        grams = hashed_ngrams(ids, longest=self.longest, vocabulary=self.vocabulary, buckets=self.buckets)
        # Sorted, equal ids are neighbours: the first of each run counts.
        grams = ops.sort(grams, axis=1)
        first = ops.concatenate([ops.ones_like(grams[:, :1]), ops.cast(grams[:, 1:] != grams[:, :-1], "int32")], axis=1)
        counted = ops.cast(first * ops.cast(grams > 0, "int32"), "float32")[..., None]
        return ops.sum(ops.take(self.weights_, grams, axis=0) * counted, axis=1) + self.bias

    def compute_output_spec(self, ids, training=False):
        return keras.KerasTensor((ids.shape[0], self.classes), "float32")

    def get_config(self):
        names = ("longest", "vocabulary", "buckets", "classes")
        config = {**super().get_config(), **{name: getattr(self, name) for name in names}}
        return {name: value for name, value in config.items() if name not in ("trainable", "dtype")}


def hashed_ngrams(ids, *, longest, vocabulary, buckets):
    """Gives each run of 1 to `longest` words an id.

    Args:
        ids: `(batch, time)` word ids; 0 is padding.
        longest: Words in the longest run.
        vocabulary: Number of word ids. Single words keep theirs.
        buckets: Ids, from `vocabulary` on, for longer runs; different ones may share an id.

    Returns:
        `(batch, time * longest)` int32, all single words first; 0 where a run would reach into
        padding. It takes integer arithmetic alone, so TFLite needs no string ops.
    """
    ids = ops.cast(ids, "int32")
    hashed, grams = ids, [ids]
    for size in range(2, longest + 1):
        follower = ops.pad(ids, [[0, 0], [0, size - 1]])[:, size - 1 :]
        # Each product stays below 2**31: its factors are bounded first. 4_194_301 is the last prime before 2**22.
        first = hashed % 46_337 * 40_503 % 1_000_003 * 2_003 % 4_194_301
        second = follower % 65_521 * 31_337 % 1_000_003 * 1_999 % 4_194_301
        mixed = (first + second) % 4_194_301
        hashed = ops.where(ops.logical_and(hashed > 0, follower > 0), 1 + mixed, ops.zeros_like(ids))
        grams.append(ops.where(hashed > 0, vocabulary + hashed % buckets, hashed))
    return ops.concatenate(grams, axis=1)
