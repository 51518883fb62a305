"""Model config: bundles -> the models.config by which one TensorFlow Serving serves them all; without TensorFlow."""

import json
import os
import pathlib
from collections.abc import Sequence

from rnnkit import bundle as bundles
from rnnkit.messages import listed

NAME = "models.config"
FIRST = "# Written by `rnnkit export --to serving --model-config`, and replaced by the next such export.\n"


def write_model_config(paths: Sequence[str | pathlib.Path]) -> tuple[pathlib.Path, str]:
    """Writes models.config into the folder that the bundles are under.

    Args:
        paths: As for `bundle.load`. A path with a version has that one served, one without the newest there is.

    Returns:
        Where it was written, and its text.

    Raises:
        ValueError: Two bundles have one name, a bundle lies in no folder of versions, or the file isn't ours.
        OSError: A bundle isn't there, or the file can't be written.
    """
    served = {}
    for path in map(pathlib.Path, paths):
        opened = bundles.load(path).path.absolute()
        if not opened.name.isdecimal():
            raise ValueError(
                f"{path} is no version of a bundle: TensorFlow Serving wants one with a number for a name, "
                f"such as {path / '1'}. Put it into such a folder."
            )
        home, version = opened.parent, None if bundles.versions(path) else int(opened.name)
        if home.name in served:
            raise ValueError(
                f"Two bundles are called {home.name!r}: {listed([str(served[home.name][0]), str(home)])}. "
                "Each needs a name of its own: rename a folder."
            )
        served[home.name] = home, version
    file = pathlib.Path(os.path.commonpath([home.parent for home, _ in served.values()]), NAME)
    if file.exists() and not file.read_text(encoding="utf-8", errors="replace").startswith(FIRST):
        raise ValueError(f"{file} is there already and was not written by rnnkit. Move it away.")
    text = FIRST + model_config(served)
    partial = file.with_name(f".{NAME}-{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)
    return file, text


def model_config(served: dict[str, tuple[pathlib.Path, int | None]]) -> str:
    """Returns a ModelServerConfig in the text form of protocol buffers.

    Args:
        served: Name -> folder of versions, and the version served or None for the newest.

    https://www.tensorflow.org/tfx/serving/serving_config
    """
    lines = ["model_config_list {"]
    for name, (home, version) in served.items():
        lines += [
            "  config {",
            f"    name: {json.dumps(name)}",
            f"    base_path: {json.dumps(str(home), ensure_ascii=False)}",
            '    model_platform: "tensorflow"',
        ]
        if version is not None:
            lines.append(f"    model_version_policy {{ specific {{ versions: {version} }} }}")
        lines.append("  }")
    return "\n".join([*lines, "}"]) + "\n"
