"""JoeyNMT, driven: a line of JSON in, such as {"do": "train", "steps": 40} -> a line out, with seconds and tokens.

Runs under the interpreter of an environment that has JoeyNMT, which can't be TensorFlow's: the two want different
protobufs. `translate_contenders.py` starts it; it imports nothing of rnnkit.

Reading, model, loss, gradient step and search are JoeyNMT's own. Of its training loop only what logs, validates and
saves is left out. Denormal numbers are flushed to zero, as TensorFlow does.
"""

import importlib.metadata
import json
import os
import pathlib
import platform
import sys
import time

import torch


def main() -> None:
    """Answers each line of stdin; whatever JoeyNMT prints goes to stderr."""
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
    """A model of JoeyNMT, its data and its optimiser.

    Args:
        config: JoeyNMT's YAML file.
        threads: Of PyTorch, within an op.
    """

    def __init__(self, config: str, threads: int):
        # Before any thread is started: threads have the mode of the one that starts them.
        flushed = torch.set_flush_denormal(True)
        torch.set_num_threads(threads)
        _fill_gaps()
        from joeynmt.config import load_config, parse_global_args, set_validation_args
        from joeynmt.prediction import prepare
        from joeynmt.training import TrainManager

        settings = load_config(pathlib.Path(config))
        folder = pathlib.Path(settings["model_dir"])
        folder.mkdir(parents=True, exist_ok=True)
        self.args = parse_global_args(settings, rank=0, mode="train")
        self.model, self.data, _, self.texts = prepare(self.args, rank=0, mode="train")
        self.trainer = TrainManager(
            model=self.model,
            model_dir=folder,
            device=self.args.device,
            n_gpu=self.args.n_gpu,
            num_workers=self.args.num_workers,
            autocast=self.args.autocast,
            seed=self.args.seed,
            rank=0,
            train_args=self.args.train,
            dev_args=set_validation_args(self.args.test),
        )
        names = ("joeynmt", "torch", "sentencepiece", "numpy")
        self.told = {
            "parameters": sum(weight.numel() for weight in self.model.parameters() if weight.requires_grad),
            "vocabulary": len(self.model.trg_vocab),
            "pairs": len(self.data),
            "threads": torch.get_num_threads(),
            "denormals_flushed": flushed,
            "model": repr(self.model),
            "versions": {"python": platform.python_version()}
            | {name: importlib.metadata.version(name) for name in names},
        }

    def train(self, steps: int) -> dict:
        """Trains on the first batches of an epoch, the same ones at each call."""
        return self._steps(1, steps)

    def learn(self, epochs: int, path: str, steps: int = 0) -> dict:
        """Trains whole epochs, or so many steps of each, and writes the weights to `path`."""
        taken = [self._steps(epoch + 1, steps) for epoch in range(epochs)]
        torch.save(self.model.state_dict(), path)
        return {name: sum(each[name] for each in taken) for name in taken[0]} | {"loss": taken[-1]["loss"]}

    def load(self, path: str) -> dict:
        """Takes the weights that `learn` wrote."""
        self.model.load_state_dict(torch.load(path))
        return {}

    def translate(self) -> dict:
        """Translates the test texts in the order of their file, from strings to strings."""
        from joeynmt.prediction import predict

        begin = time.perf_counter()
        _, _, texts, pieces, _, _ = predict(
            model=self.model,
            data=self.texts,
            device=self.args.device,
            n_gpu=0,
            args=self.args.test,
            autocast=self.args.autocast,
        )
        seconds = time.perf_counter() - begin
        return {"seconds": seconds, "texts": texts, "pieces": sum(len(each) for each in pieces)}

    def _steps(self, epoch, steps):
        """JoeyNMT's `train_and_validate`, one epoch of it, without logs, validation and checkpoints."""
        trainer = self.trainer
        seed = self.args.seed + epoch
        begin = time.perf_counter()
        batches = self.data.make_iter(
            batch_size=trainer.args.batch_size,
            batch_type=trainer.args.batch_type,
            seed=self.args.seed,
            shuffle=trainer.args.shuffle,
            num_workers=trainer.num_workers,
            device=trainer.device,
            eos_index=self.model.eos_index,
            pad_index=self.model.pad_index,
        )
        self.data.seed = seed
        batches.batch_sampler.set_seed(seed)
        self.model.train()
        self.model.zero_grad()
        told = {"steps": 0, "sentences": 0, "tokens": 0, "padded": 0, "loading_seconds": 0.0, "loss": 0.0}
        waited = begin
        for batch in batches:
            told["loading_seconds"] += time.perf_counter() - waited
            # Its own count of tokens, `batch.ntokens`, has the end of each text in it.
            told["loss"], _ = trainer._train_step(batch)
            if trainer.clip_grad_fun is not None:
                trainer.clip_grad_fun(parameters=self.model.parameters())
            trainer.optimizer.step()
            self.model.zero_grad()
            told["steps"] += 1
            told["sentences"] += batch.nseqs
            told["tokens"] += batch.ntokens
            told["padded"] += batch.trg.numel()
            waited = time.perf_counter()
            if told["steps"] == steps:
                break
        return told | {"seconds": time.perf_counter() - begin}


def _fill_gaps():
    """Gives JoeyNMT 2.3.0 what it imports or calls, and what an environment of today no longer has."""
    import sentencepiece

    # A backport that it doesn't ask for; the standard library has the same.
    sys.modules.setdefault("importlib_metadata", importlib.metadata)
    # sentencepiece 0.2.3 has it no more: it limited a processor to some pieces. Here the vocabulary is all of them.
    if not hasattr(sentencepiece.SentencePieceProcessor, "SetVocabulary"):
        sentencepiece.SentencePieceProcessor.SetVocabulary = lambda self, pieces: None


if __name__ == "__main__":
    main()
