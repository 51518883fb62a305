"""Applications: the networks of `keras.applications` by name -> encoders of pictures, and their weights."""

import functools
import pathlib
import sys
import warnings

import keras

from rnnkit.messages import did_you_mean, few_of

IMAGENET = "imagenet"
ENDINGS = (".h5", ".keras")


@functools.cache
def application_names() -> tuple[str, ...]:
    """Returns the names of the networks that there are."""
    found = vars(keras.applications).items()
    return tuple(sorted(name for name, value in found if name[0].isupper() and callable(value)))


def check_application(name: str, weights: str) -> None:
    """Checks a network's name and where its weights come from; not the file, which a trained bundle needs no more.

    Raises:
        ValueError: There is no such network, or the weights are neither `none`, `imagenet` nor a file's name.
    """
    if name not in application_names():
        known = application_names()
        raise ValueError(
            f"encoder must be residual, rows or a network of keras.applications. Got {name!r}. "
            f"{did_you_mean(name, known)}There are {few_of(known)}."
        )
    if weights not in ("none", IMAGENET) and not weights.endswith(ENDINGS):
        raise ValueError(
            f"encoder_weights must be none, imagenet, or a file that ends in {' or '.join(ENDINGS)}. Got {weights!r}."
        )


def build_application(name: str, pixels, weights: str | None = None):
    """Applies a network without its top, and what it wants done to pixels before.

    Args:
        name: Of the network.
        pixels: `(batch, height, width, 3)`, 0 to 255.
        weights: `imagenet`, a file, or None for weights drawn by chance.

    Returns:
        A grid of features `(batch, height, width, features)`.

    Raises:
        ValueError: The pictures are too small for it, or the weights don't fit or can't be fetched.
        OSError: There is no such file.
    """
    if weights not in (None, IMAGENET) and not pathlib.Path(weights).is_file():
        raise FileNotFoundError(f"encoder_weights: there is no file {weights!r}. Name one, or take none or imagenet.")
    make = getattr(keras.applications, name)
    prepared = sys.modules[make.__module__].preprocess_input(keras.ops.cast(pixels, "float32"))
    shape = tuple(pixels.shape[1:])
    try:
        with warnings.catch_warnings():
            # Of a file that doesn't fit Keras warns for each layer before it fails.
            warnings.simplefilter("ignore")
            network = make(include_top=False, weights=weights, input_shape=shape)
    except Exception as error:
        # Keras lets any error of a damaged file or a failed download through, and says much; the first line has it.
        said = next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".:")
        raise ValueError(
            f"{name} can't be made for pictures of {shape[0]} x {shape[1]} pixels with weights {weights or 'none'}: "
            f"{said}. Change --image-size, --encoder or --encoder-weights."
        ) from None
    return network(prepared)
