"""Layerwise optimisers: each variable has a step size of its own, and a step before which it does not move."""

import keras
import tensorflow as tf
from keras import ops


class Layerwise:
    """Makes an optimiser multiply each variable's update by a factor, and by 0 before the variable's first step.

    Until then its gradient counts for nothing, neither in the moments nor in the norm that is
    clipped, and its weight does not decay; then it begins as if the training began. All of that
    is a function of `iterations`, so that the graph is made once and a resumed run needs no more.

    Args:
        rates: Factor and first step for each variable, in the order in which `build` gets them.
    """

    def __init__(self, *args, rates, **kwargs):
        super().__init__(*args, **kwargs)
        self.rates = tuple((float(factor), int(first)) for factor, first in rates)
        self._share = 1.0

    def build(self, variables):
        if len(variables) != len(self.rates):
            raise ValueError(f"rates must be one for each of {len(variables)} variables. Got {len(self.rates)}.")
        super().build(variables)

    def update_step(self, gradient, variable, learning_rate):
        super().update_step(gradient, variable, learning_rate * self._rate(variable, self._correction))

    def _backend_apply_gradients(self, grads, trainable_variables):
        pairs = zip(grads, trainable_variables, strict=True)
        super()._backend_apply_gradients([self._begun(*pair) for pair in pairs], trainable_variables)

    def _begun(self, gradient, variable):
        first = self._of(variable)[1]
        if not first:
            return gradient
        begun = ops.cast(self.iterations >= first, gradient.dtype)
        if isinstance(gradient, tf.IndexedSlices):
            return tf.IndexedSlices(gradient.values * begun, gradient.indices, gradient.dense_shape)
        return gradient * begun

    def _apply_weight_decay(self, variables):
        if self.weight_decay is None:
            return
        for variable in variables:
            self._share = self._rate(variable)
            super()._apply_weight_decay([variable])
        self._share = 1.0

    def _get_current_learning_rate(self):
        rate = super()._get_current_learning_rate()
        return rate if isinstance(self._share, float) and self._share == 1.0 else rate * self._share

    def _of(self, variable):
        return self.rates[self._get_variable_index(variable)]

    def _rate(self, variable, correction=None):
        factor, first = self._of(variable)
        if not first:
            return factor
        step = self.iterations - first
        rate = ops.cast(step >= 0, "float32") * factor
        return rate if correction is None else rate * correction(ops.cast(ops.maximum(step, 0), "float32"))

    def _correction(self, step):
        """What the step size must be multiplied by where a variable's own steps, and not all, are to count."""
        return 1.0

    def get_config(self):
        return {**super().get_config(), "rates": self.rates}


@keras.saving.register_keras_serializable(package="rnnkit")
class LayerwiseSGD(Layerwise, keras.optimizers.SGD):
    """SGD by layers."""


class _UnbiasedFromOwnStep(Layerwise):
    """Adam's moments begin at 0 at a variable's first step, so their bias is corrected from there."""

    def _correction(self, step):
        return self._unbiased(step) / self._unbiased(ops.cast(self.iterations, "float32"))

    def _unbiased(self, step):
        # 1 - beta ** (step + 1), without the loss of digits near 1.
        first, second = (
            -ops.expm1((step + 1) * ops.log(ops.cast(beta, "float32"))) for beta in (self.beta_1, self.beta_2)
        )
        return ops.sqrt(second) / first


@keras.saving.register_keras_serializable(package="rnnkit")
class LayerwiseAdam(_UnbiasedFromOwnStep, keras.optimizers.Adam):
    """Adam by layers."""


@keras.saving.register_keras_serializable(package="rnnkit")
class LayerwiseAdamW(_UnbiasedFromOwnStep, keras.optimizers.AdamW):
    """AdamW by layers."""
