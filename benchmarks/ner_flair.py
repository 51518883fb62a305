"""flair, driven: a line of JSON in, such as {"do": "train", "steps": 40} -> a line out, with seconds and tokens.

Runs under the interpreter of an environment that has flair, which needn't have TensorFlow. `ner_contenders.py` starts
it; it imports nothing of rnnkit.

Reading, model, loss and gradient step are flair's own, and so is what its trainer does with each batch. Of that
trainer's loop only what logs, evaluates and saves is left out. Denormal numbers are flushed to zero, as TensorFlow
does.
"""

import importlib.metadata
import json
import logging
import os
import platform
import sys
import time

import torch

TAGS = "tags"


def main() -> None:
    """Answers each line of stdin; whatever flair prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    model = None
    for line in sys.stdin:
        asked = json.loads(line)
        do = asked.pop("do")
        if do == "open":
            model = Driven(**asked)
            answer = model.told
        else:
            answer = getattr(model, do)(**asked)
        print(json.dumps(answer), file=answers, flush=True)


class Driven:
    """A tagger of flair, its data and its optimiser.

    Args:
        train: File of a token and its BIO tag a line, a tab between them, and an empty line between sentences.
        threads: Of PyTorch, within an op.
        seed: Of the weights and of the order of sentences.
        batch_size: Sentences of a gradient step.
        words: Of `OneHotEmbeddings.from_corpus`.
        letters: Of `CharacterEmbeddings`, but for their dictionary: all letters of the file.
        tagger: Of `SequenceTagger`.
        optimizer, learning_rate, max_grad_norm: Name of one of `torch.optim`, and what the trainer takes.
    """

    def __init__(
        self,
        train: str,
        threads: int,
        seed: int,
        batch_size: int,
        words: dict,
        letters: dict,
        tagger: dict,
        optimizer: str,
        learning_rate: float,
        max_grad_norm: float,
    ):
        # Before any thread is started: threads have the mode of the one that starts them.
        flushed = torch.set_flush_denormal(True)
        torch.set_num_threads(threads)
        import flair
        from flair.data import Corpus
        from flair.datasets.sequence_labeling import ColumnDataset
        from flair.embeddings import CharacterEmbeddings, OneHotEmbeddings, StackedEmbeddings
        from flair.models import SequenceTagger

        # It logs its whole vocabulary.
        logging.getLogger("flair").setLevel(logging.WARNING)
        flair.set_seed(seed)
        self.data = ColumnDataset(train, {0: "text", 1: TAGS}, column_delimiter="\t")
        corpus = Corpus(train=self.data, sample_missing_splits=False)
        labels = corpus.make_label_dictionary(TAGS)
        known = OneHotEmbeddings.from_corpus(corpus, **words)
        spelled = CharacterEmbeddings(_letters_of(self.data), **letters)
        self.model = SequenceTagger(StackedEmbeddings([known, spelled]), labels, TAGS, **tagger)
        self.optimizer = getattr(torch.optim, optimizer)(self.model.parameters(), lr=learning_rate)
        self.seed, self.batch_size, self.max_grad_norm = seed, batch_size, max_grad_norm
        names = ("flair", "torch", "transformers", "numpy")
        self.told = {
            "parameters": sum(weight.numel() for weight in self.model.parameters() if weight.requires_grad),
            "vocabulary": len(known.vocab_dictionary),
            "tags": len(self.model.label_dictionary),
            "sentences": len(self.data),
            "entities": sum(len(sentence.get_spans(TAGS)) for sentence in self.data),
            "threads": torch.get_num_threads(),
            "denormals_flushed": flushed,
            "model": repr(self.model),
            "versions": {"python": platform.python_version()}
            | {name: importlib.metadata.version(name) for name in names},
        }

    def train(self, steps: int) -> dict:
        """Trains on the first batches of an epoch, the same ones at each call, as `ModelTrainer.train_custom` does."""
        from flair.datasets import DataLoader
        from flair.training_utils import identify_dynamic_embeddings, store_embeddings

        torch.manual_seed(self.seed)
        dynamic = None
        told = {"steps": 0, "sentences": 0, "tokens": 0, "padded": 0, "loading_seconds": 0.0, "loss": 0.0}
        begin = time.perf_counter()
        batches = DataLoader(self.data, batch_size=self.batch_size, shuffle=True)
        self.model.train()
        waited = time.perf_counter()
        for batch in batches:
            told["loading_seconds"] += time.perf_counter() - waited
            self.model.zero_grad()
            self.optimizer.zero_grad()
            loss, count = self.model.forward_loss(batch)
            told["loss"] = loss.item() / count
            loss.backward()
            if dynamic is None:
                dynamic = identify_dynamic_embeddings(batch)
            store_embeddings(batch, "cpu", dynamic)
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.max_grad_norm)
            self.optimizer.step()
            told["steps"] += 1
            told["sentences"] += len(batch)
            told["tokens"] += count
            told["padded"] += len(batch) * max(map(len, batch))
            waited = time.perf_counter()
            if told["steps"] == steps:
                break
        return told | {"seconds": time.perf_counter() - begin}


def _letters_of(data):
    """Returns a dictionary of the letters; flair's own of common ones would have to be downloaded."""
    from flair.data import Dictionary

    letters = Dictionary()
    for letter in sorted({letter for sentence in data for token in sentence for letter in token.text}):
        letters.add_item(letter)
    return letters


if __name__ == "__main__":
    main()
