"""PyTorch, driven: windows of a text -> seconds of training steps of a language model on them.

A model as in pytorch/examples/word_language_model: vectors, LSTM layers, a linear layer, plain SGD with the gradient's
norm clipped; its states are carried on from window to window, detached. All of it runs in a process of its own.
"""

import time
from collections.abc import Mapping

import numpy as np

SIZES = ("vocabulary", "units", "depth", "embedding_units", "learning_rate", "momentum", "clip_norm", "dropout")
"""What it must have alike with the other side."""
_RUNNING = {}
"""What this process trains."""


def prepare(path: str, sizes: Mapping[str, float], threads: int) -> dict:
    """Builds the model, and takes its batches from a file.

    Args:
        path: Of `ids` and `targets (steps, batch, time)`; a target 0 is none.
        sizes: By the names in `SIZES`.
        threads: Of PyTorch.
    """
    import torch

    # Before any thread is started: threads have the mode of the one that starts them.
    flushed = torch.set_flush_denormal(True)
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    arrays = np.load(path)
    # Time first, as PyTorch has it by itself.
    ids, targets = (torch.from_numpy(arrays[name].swapaxes(1, 2).astype(np.int64)) for name in ("ids", "targets"))
    layers = torch.nn.ModuleDict(
        {
            "embedding": torch.nn.Embedding(sizes["vocabulary"], sizes["embedding_units"]),
            "lstm": torch.nn.LSTM(sizes["embedding_units"], sizes["units"], sizes["depth"], dropout=sizes["dropout"]),
            "head": torch.nn.Linear(sizes["units"], sizes["vocabulary"]),
        }
    )
    for layer in (layers["embedding"], layers["head"]):
        torch.nn.init.uniform_(layer.weight, -0.1, 0.1)
    weights = list(layers.parameters())
    optimizer = torch.optim.SGD(weights, sizes["learning_rate"], sizes["momentum"])

    def step(ids, targets, states):
        optimizer.zero_grad()
        outputs, states = layers["lstm"](layers["embedding"](ids), states)
        logits = layers["head"](outputs.flatten(0, 1))
        loss = torch.nn.functional.cross_entropy(logits, targets.flatten(), ignore_index=0)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, sizes["clip_norm"])
        optimizer.step()
        return loss.item(), tuple(state.detach() for state in states)

    _RUNNING["step"], _RUNNING["windows"] = step, list(zip(ids, targets, strict=True))
    _RUNNING["counts"] = {"steps": len(ids), "words": int((targets > 0).sum())}
    return {
        "parameters": sum(weight.numel() for weight in weights),
        "threads": torch.get_num_threads(),
        "denormals_flushed": flushed,
        "versions": {"torch": torch.__version__},
        **sizes,
    }


def train() -> dict:
    """Trains on all windows once, the states beginning at 0."""
    states, losses, step = None, [], _RUNNING["step"]
    begin = time.perf_counter()
    for ids, targets in _RUNNING["windows"]:
        loss, states = step(ids, targets, states)
        losses.append(loss)
    seconds = time.perf_counter() - begin
    return {"seconds": seconds, "first_seconds": seconds, "loss": float(np.mean(losses)), **_RUNNING["counts"]}
