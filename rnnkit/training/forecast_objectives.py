"""Forecast objectives: forecasts against what came, per row, over the steps that are known."""

import numpy as np
from keras import ops

from rnnkit.layers.forecasting.distributions import DISTRIBUTIONS
from rnnkit.layers.forecasting.heads import HEADS
from rnnkit.training.objectives import Objective

LOSSES = ("mse", "mae", "huber", "pinball", "likelihood")


def forecasting(loss: str, *, levels: tuple[float, ...] = (), head: str = "point", delta: float = 1.0) -> Objective:
    """A loss of targets `(batch, horizon, targets, 2)` against forecasts `(batch, horizon, targets, …)`.

    Targets hold the value, 0 where unknown, and 1 where it is known; unknown steps don't count, and a row of
    nothing but unknown ones has loss 0. Forecasts hold the point, the quantiles and the parameters.

    Args:
        loss: `mse`, `mae` or `huber` of the point; `pinball`, the mean over the levels (Koenker & Bassett 1978);
            `likelihood`, the negative logarithm of the head's density.
        levels: Of the quantiles.
        head: One of `rnnkit.layers.forecasting.heads.HEADS`.
        delta: Error from which `huber` grows linearly.

    Raises:
        ValueError: Unknown, or not of this head.
    """
    check_loss(loss, head)
    count = len(levels)

    def per_step(truth, forecast):
        point = forecast[..., 0]
        if loss == "pinball":
            apart = truth[..., None] - forecast[..., 1 : 1 + count]
            at = ops.convert_to_tensor(np.asarray(levels, np.float32))
            return ops.mean(ops.maximum(at * apart, (at - 1) * apart), -1)
        if loss == "likelihood":
            return -DISTRIBUTIONS[head].log_prob(forecast[..., 1 + count :], truth)
        apart = ops.abs(truth - point)
        if loss == "mae":
            return apart
        if loss == "huber":
            return ops.where(apart < delta, 0.5 * apart * apart, delta * (apart - 0.5 * delta))
        return apart * apart

    def per_row(targets, forecast):
        forecast = ops.cast(forecast, "float32")
        known = ops.cast(targets[..., 1], "float32")
        # An unknown value stands at the forecast: no loss, and no slope that a weight of 0 would have to cancel.
        truth = ops.where(known > 0, ops.cast(targets[..., 0], "float32"), ops.stop_gradient(forecast[..., 0]))
        losses = per_step(truth, forecast) * known
        return ops.sum(losses, (1, 2)) / ops.maximum(ops.sum(known, (1, 2)), 1)

    return Objective(train=per_row, valid=per_row)


def check_loss(loss: str, head: str) -> None:
    """Raises ValueError for an unknown loss or head, or a loss that trains nothing of the head's."""
    if loss not in LOSSES:
        raise ValueError(f"loss must be one of {', '.join(LOSSES)}. Got {loss!r}.")
    if head not in HEADS:
        raise ValueError(f"head must be one of {', '.join(HEADS)}. Got {head!r}.")
    if loss == "likelihood" and head not in DISTRIBUTIONS:
        raise ValueError(f"loss 'likelihood' needs a distribution as head: {', '.join(DISTRIBUTIONS)}. Got {head!r}.")
    if loss == "pinball" and head == "point":
        raise ValueError("loss 'pinball' needs a head with quantiles. Got head 'point'. Take mse, mae or huber.")
