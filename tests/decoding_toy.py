"""A tiny writer for tests of search: its step in TensorFlow, and what it gives after any beginning, in NumPy."""

import itertools

import numpy as np
import tensorflow as tf

START, END = 2, 3


class Toy:
    """A recurrence of few units; what it writes depends on its sentence, its state and the token before."""

    def __init__(self, seed=0, *, vocabulary=7, sentences=3, units=4, source=5, sharp=2.0, attends=True):
        random = np.random.default_rng(seed)
        self.vocabulary, self.sentences, self.attends = vocabulary, sentences, attends
        self.embedded = random.normal(size=(vocabulary, units)).astype("float32")
        self.written = (sharp * random.normal(size=(units, vocabulary))).astype("float32")
        self.looking = (2 * random.normal(size=(sentences, units, source))).astype("float32")
        self.first = random.normal(size=(sentences, units)).astype("float32")
        self.real = np.arange(source) < np.array([source - sentence % 3 for sentence in range(sentences)])[:, None]

    def states(self):
        return {"inner": [tf.constant(self.first)], "steps": tf.zeros([self.sentences], tf.int32)}

    def step(self, ids, states, t):
        tf.debugging.assert_equal(states["steps"], tf.fill(tf.shape(ids), t))
        inner = tf.tanh(0.7 * states["inner"][0] + tf.gather(tf.constant(self.embedded), ids))
        states = {"inner": [inner], "steps": states["steps"] + 1}
        if not self.attends:
            return inner @ self.written, states, None
        # What is captured has a row a sentence.
        by_sentence = tf.reshape(inner, [self.sentences, -1, inner.shape[-1]])
        fit = tf.where(self.real[:, None], by_sentence @ self.looking, -np.inf)
        return inner @ self.written, states, tf.reshape(tf.nn.softmax(fit), [tf.shape(ids)[0], -1])

    def after(self, sentence, tokens):
        """Gives the logits after these tokens, and the weights of all steps until then."""
        state, weights = self.first[sentence].astype(float), []
        for token in [START, *tokens]:
            state = np.tanh(0.7 * state + self.embedded[token])
            fit = np.exp(state @ self.looking[sentence]) * self.real[sentence]
            weights.append(fit / fit.sum())
        return state @ self.written, weights

    def only(self, sentence):
        """Gives a writer of one of the sentences."""
        other = Toy(vocabulary=self.vocabulary, attends=self.attends)
        other.embedded, other.written, other.sentences = self.embedded, self.written, 1
        other.looking, other.first = self.looking[[sentence]], self.first[[sentence]]
        other.real = self.real[[sentence]]
        return other


def log_softmax(logits):
    return logits - np.log(np.exp(logits - logits.max()).sum()) - logits.max()


def chances(toy, sentence, tokens, controls, prefix=()):
    """Gives log P of each token after these, all of them, and of those that may be chosen; by loops."""
    logits, _ = toy.after(sentence, tokens)
    for token in set(tokens):
        logits[token] *= 1 / controls.repetition_penalty if logits[token] > 0 else controls.repetition_penalty
    every = log_softmax(logits)
    allowed, size = every.copy(), controls.blocked_ngram
    for token in range(len(every)):
        grams = [tuple(tokens[at : at + size]) for at in range(len(tokens) - size + 1)]
        blocked = size and tuple([*tokens, token][-size:]) in grams
        if blocked or token in controls.banned:
            allowed[token] = -np.inf
    if len(tokens) < len(prefix):
        must = prefix[len(tokens)]
        allowed = np.where(np.arange(len(every)) == must, every, -np.inf)
    return every, allowed


def final(toy, sentence, tokens, log_probability, controls):
    """Scores a hypothesis, its end among the tokens if it wrote one."""
    score = log_probability / ((5 + len(tokens)) / 6) ** controls.length_penalty
    if not controls.coverage_penalty:
        return score
    _, weights = toy.after(sentence, tokens[:-1])
    got = np.sum(weights, axis=0)[toy.real[sentence]]
    return score + controls.coverage_penalty * np.log(np.minimum(got, 1)).sum()


def beam_of(toy, sentence, *, width, best, limit, controls, prefix=()):
    """Beam search by lists, to the limit or to the end of patience: the best `(score, tokens)`, their end left out."""
    live, ended = [(0.0, [])], []
    for t in range(limit):
        found = [
            (log_probability + step, [*tokens, token])
            for log_probability, tokens in live
            for token, step in enumerate(chances(toy, sentence, tokens, controls, prefix)[1])
            if step > -np.inf
        ]
        found.sort(key=lambda one: -one[0])
        ended += [one for one in found[:width] if one[1][-1] == END or t + 1 == limit]
        live = [one for one in found[: 2 * width] if one[1][-1] != END][:width]
        if controls.patience and len(ended) >= max(controls.patience * width, best):
            break
    scored = [(final(toy, sentence, tokens, score, controls), tokens) for score, tokens in ended]
    scored.sort(key=lambda one: -one[0])
    return [(score, [token for token in tokens if token != END]) for score, tokens in scored[:best]]


def all_of(toy, sentence, *, limit, controls, prefix=()):
    """Every hypothesis that can be written, best first, as `beam_of` gives them."""
    ended = []
    for count in range(1, limit + 1):
        for tokens in itertools.product(range(toy.vocabulary), repeat=count):
            if END in tokens[:-1] or (tokens[-1] != END and count < limit):
                continue
            tokens = list(tokens)
            steps = [chances(toy, sentence, tokens[:t], controls, prefix)[1][tokens[t]] for t in range(count)]
            if np.sum(steps) > -np.inf:
                ended.append((final(toy, sentence, tokens, np.sum(steps), controls), tokens))
    ended.sort(key=lambda one: -one[0])
    return [(score, [token for token in tokens if token != END]) for score, tokens in ended]


def hypotheses(decoded, sentence):
    """Reads an answer as `beam_of` gives them, and checks that nothing stands after the last token."""
    found = []
    for ids, length, score in zip(*(values[sentence] for values in decoded[:3]), strict=True):
        assert not np.any(ids[int(length) :])
        found.append((float(score), ids[: int(length)].numpy().tolist()))
    return found


def assert_same(found, expected, tolerance=2e-4):
    """Compares hypotheses and scores."""
    assert [tokens for _, tokens in found] == [tokens for _, tokens in expected]
    np.testing.assert_allclose([score for score, _ in found], [score for score, _ in expected], atol=tolerance)
