"""Gradient flow: a model and a batch -> how much of the loss's gradient reaches each step's state, layer by layer."""

import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf

from rnnkit.layers.recorded import left_as_it_was, recorded

VANISHING, EXPLODING = 1e-3, 1e3
"""Values of `reach` below and above which a verdict says so."""
DRAWN = 1e-12
"""Share of the highest gradient below which a picture cuts a line off: nothing is learned from less."""


@dataclasses.dataclass(frozen=True)
class StateFlow:
    """How the gradient reaches one state of one recurrent layer.

    Attributes:
        layer: Name of the layer, with a number from its second run on, such as `encoder #2`; a
            direction of a Bidirectional is a layer of its own.
        state: `h`, or `c`, the LSTM's cell, through which long memory flows; its gradient holds
            what goes through the same step's `h`. Of stacked cells `1.h`, `2.h`; of other cells
            with several states `h1`, `h2`.
        backwards: Whether the layer reads from the last step to the first.
        gradient: `(time,)` in the order of the input: the norm of dL/dstate[t] over the units,
            averaged over the rows where step t is real; NaN where none is. It is the total
            derivative, through this step's output and all later steps. Where L is an average
            over rows, it falls with their number.
        magnitude: `(time,)`, the norm of the state itself, averaged likewise.
        growth: Factor by which the layer multiplies the gradient of all its states together for
            each step that it goes back, a median over steps and rows. What comes in at a step
            from above is left out: a loss on late steps looks like vanishing in `gradient`,
            not here. NaN where no gradient goes back over a step.
        reach: Those factors multiplied over a row, a median over rows: what is left at the first
            step read of a gradient at the last.
    """

    layer: str
    state: str
    backwards: bool
    gradient: np.ndarray
    magnitude: np.ndarray
    growth: float
    reach: float

    @property
    def ends(self) -> tuple[float, float]:
        """Gradients at the step read first and at the one read last, padding left out."""
        real = self.gradient[~np.isnan(self.magnitude)]
        first, last = (real[0], real[-1]) if len(real) else (np.nan, np.nan)
        return (last, first) if self.backwards else (first, last)

    @property
    def ratio(self) -> float:
        """Gradient at the step read first over that at the one read last."""
        first, last = self.ends
        return float(first / last) if last else np.nan

    @property
    def verdict(self) -> str:
        """`vanishing`, `exploding` or `healthy` by `reach`, `VANISHING` and `EXPLODING`, and why, in words."""
        real = self.gradient[~np.isnan(self.magnitude)]
        if not np.isfinite(real).all():
            return "exploding: the gradient is not finite"
        if not real.any():
            return "vanishing: no gradient arrives at any step"
        if np.isnan(self.reach):
            return "healthy: no gradient has to go back over a step"
        why = f"going back from the last step to the first multiplies it by {self.reach:.1e}"
        if self.reach < VANISHING:
            return f"vanishing: {why}"
        return f"exploding: {why}" if self.reach > EXPLODING else f"healthy: {why}"


@dataclasses.dataclass(frozen=True)
class GradientFlow:
    """How the gradient of one batch's loss flows back through a model's recurrent layers.

    Attributes:
        loss: The batch's loss.
        states: One for each state of each recurrent layer, in the order in which they ran.
    """

    loss: float
    states: tuple[StateFlow, ...]

    @property
    def verdicts(self) -> dict[str, str]:
        """Each layer's verdict."""
        return {flow.layer: flow.verdict for flow in self.states}

    def table(self) -> str:
        """Returns a line of text per layer and state."""
        head = ("layer", "state", "first read", "last read", "step back", "row back", "verdict")
        lines = [head, *[_line(flow) for flow in self.states]]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)

    def picture(self, path: str | pathlib.Path) -> None:
        """Draws the gradient over time, a line per layer and state, to a .png file."""
        # Layers are imported by all that builds a model; only who draws pays for matplotlib.
        from matplotlib.figure import Figure

        rows = -(-len(self.states) // 2)
        figure = Figure(figsize=(9.2, 4.4 + 0.22 * rows), layout="constrained")
        axes = figure.subplots()
        draw_flow(axes, {f"{flow.layer}  {flow.state}": flow for flow in self.states})
        axes.set_title(f"How far back the gradient reaches (loss {self.loss:.4g})")
        figure.legend(loc="outside lower left", ncols=2, frameon=False, fontsize="small")
        figure.savefig(path, dpi=110)


def _line(flow):
    first, last = (f"{number:.2e}" for number in flow.ends)
    back = (f"× {flow.growth:.3f}", f"× {flow.reach:.1e}")
    return (flow.layer, flow.state, first, last, *back, flow.verdict.partition(":")[0])


def draw_flow(axes, flows: Mapping[str, StateFlow]) -> None:
    """Draws the gradient over time: a colour per layer, its cell `c` dashed; an arrow shows how it reads."""
    highest, lowest, colours = 0.0, np.inf, {}
    for label, flow in flows.items():
        shown = np.where(np.isfinite(flow.gradient) & (flow.gradient > 0), flow.gradient, np.nan)
        arrow, verdict = "←" if flow.backwards else "→", flow.verdict.partition(":")[0]
        style = {
            "color": colours.setdefault(flow.layer, f"C{len(colours)}"),
            "linestyle": "--" if flow.state.endswith("c") else "-",
            # A single real step is a point, which a line would not show.
            "marker": "o" if np.count_nonzero(~np.isnan(shown)) < 2 else None,
            "label": f"{arrow} {label}: ×{flow.growth:.3f} a step back, {verdict}",
        }
        axes.semilogy(np.arange(1, len(shown) + 1), shown, linewidth=1.5, **style)
        if not np.isnan(shown).all():
            highest, lowest = max(highest, np.nanmax(shown)), min(lowest, np.nanmin(shown))
    if highest:
        axes.set_ylim(max(lowest, highest * DRAWN) / 2, highest * 2)
    axes.set(xlabel="time step", ylabel="norm of the loss's gradient by the state")
    axes.grid(which="major", color="0.9")
    axes.spines[["top", "right"]].set_visible(False)


def gradient_flow(model: keras.Model, batch: Sequence, *, loss: Callable | None = None) -> GradientFlow:
    """Measures how the gradient of a batch's loss reaches each time step of each recurrent layer.

    Runs eagerly and without dropout or truncation, every recurrent loop written out step by step, and
    leaves the model as it was. It takes some milliseconds per step and layer: a few dozen rows will do.

    Args:
        model: Holds `keras.layers.RNN` layers of any kind and at any depth, each called as a layer.
        batch: `(features, targets)` or `(features, targets, weights)`, as `fit` takes them.
        loss: `(targets, outputs[, weights]) -> loss`, averaged where it is no scalar; the weights are
            handed on where the batch has them. By default the loss that the model was compiled with.

    Raises:
        ValueError: `batch` has another form, or there is no loss.
        LookupError: The model runs no recurrent layer.

    Hochreiter (1991); Pascanu, Mikolov & Bengio (2013), section 2, https://arxiv.org/abs/1211.5063.
    """
    features, targets, *weights = _checked(batch)
    if loss is None and not model.compiled:
        raise ValueError(f"Model {model.name!r} was not compiled, so it has no loss. Pass one: loss=function.")
    if not model.built:
        model(features, training=False)
    with left_as_it_was(model), tf.GradientTape() as tape, recorded(model, tape) as recordings:
        outputs = model(features, training=False)
        if loss is None:
            total = model.compute_loss(features, targets, outputs, *weights, training=False)
        else:
            total = tf.reduce_mean(loss(targets, outputs, *weights))
    if not recordings:
        raise LookupError(
            f"Model {model.name!r} runs no recurrent layer. Gradients flow over time in keras.layers.RNN and its kinds."
        )
    watched = [(record.states, record.carried, record.outputs) for record in recordings]
    gradients = tape.gradient(total, watched, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    flows = [flow for record, parts in zip(recordings, gradients, strict=True) for flow in _flows(record, *parts)]
    return GradientFlow(float(total), tuple(flows))


def _checked(batch):
    if not isinstance(batch, (tuple, list)):
        got = type(batch).__name__
    elif len(batch) not in (2, 3):
        got = f"{len(batch)} parts"
    else:
        return batch
    raise ValueError(f"batch must be (features, targets) or (features, targets, weights). Got {got}.")


def _flows(recording, gradients, returning, entering) -> Iterator[StateFlow]:
    """Yields a flow per state from the gradients of a recording's `states`, `carried` and `outputs`."""
    whole = [_joined(*step) for step in zip(recording.states, recording.shown, returning, entering, strict=True)]
    growth, reach = _factors(_norms(returning), _norms(whole), recording.mask)
    order = slice(None, None, -1 if recording.backwards else 1)
    for place, name in enumerate(_state_names(recording.cell, len(recording.states[0]))):
        norms = [_norms([[step[place]] for step in steps]) for steps in (gradients, recording.states)]
        averages = [_averaged(norm, recording.mask)[order] for norm in norms]
        yield StateFlow(recording.layer, name, recording.backwards, *averages, growth, reach)


def _state_names(cell, count):
    if isinstance(cell, keras.layers.StackedRNNCells):
        counts = [len(keras.tree.flatten(inner.state_size)) for inner in cell.cells]
        inner = zip(cell.cells, counts, strict=True)
        return [f"{n}.{name}" for n, (part, size) in enumerate(inner, 1) for name in _state_names(part, size)]
    if count == 1:
        return ["h"]
    # Keras has no names for states; cells of the LSTM's kind say so in their own.
    if count == 2 and "LSTM" in type(cell).__name__:
        return ["h", "c"]
    return [f"h{n}" for n in range(1, count + 1)]


def _joined(states, output, returning, entering):
    """Returns a step's whole gradient: what enters from above belongs to the state that is the output, if one is."""
    parts = [back + entering if state is output else back for state, back in zip(states, returning, strict=True)]
    return parts if any(state is output for state in states) else [*parts, entering]


def _norms(steps):
    """Returns each row's L2 norm over all parts of a step, `(batch, time)`."""
    # States of convolutional layers have more axes than two.
    flat = [[np.asarray(part, "float64").reshape(len(part), -1) for part in parts] for parts in steps]
    return np.stack([np.linalg.norm(np.concatenate(parts, axis=1), axis=1) for parts in flat], axis=1)


def _averaged(norms, mask):
    count = mask.sum(axis=0)
    return np.where(count, np.where(mask, norms, 0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _factors(returning, whole, mask):
    """Returns the medians of what a step multiplies the gradient by, and of the products of it over a row."""
    rows = []
    for back, gradient, real in zip(returning, whole, mask, strict=True):
        back, gradient = back[real][:-1], gradient[real][1:]
        rows.append(back[gradient > 0] / gradient[gradient > 0])
    rows = [row for row in rows if len(row)]
    if not rows:
        return np.nan, np.nan
    return float(np.median(np.concatenate(rows))), float(np.median([row.prod() for row in rows]))
