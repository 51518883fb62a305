"""Pictures: a run's losses and scores beside the baselines, and what the recipe adds, on one page."""

import pathlib
from collections.abc import Mapping

from matplotlib.figure import Figure

from rnnkit.bundle.card import relatives
from rnnkit.features.labels import class_numbers
from rnnkit.metrics.classification import confusion, reliability

OURS, THEIRS = "#1f77b4", "#b0b7bf"


def write_report(
    path: pathlib.Path, history: list[dict[str, float]], card: dict, pictures: Mapping[str, tuple]
) -> None:
    """Draws the page.

    Args:
        path: A .png file.
        history: Rows of `epoch, loss, valid_loss`.
        card: Holds `recipe`, `scores`, `baselines`, `best_epoch`.
        pictures: Title -> drawing function and what it takes after the axes.
    """
    count = 2 + len(pictures)
    figure = Figure(figsize=(4.6 * count, 4.2), layout="constrained")
    axes = figure.subplots(1, count)
    _draw_losses(axes[0], history, card["best_epoch"])
    _draw_scores(axes[1], card)
    for place, (title, (draw, *arguments)) in zip(axes[2:], pictures.items(), strict=True):
        draw(place, *arguments)
        place.set_title(title)
    figure.suptitle(f"{card['recipe']}, test split: {card['data']['rows']['test']} rows")
    figure.savefig(path, dpi=110)


def _draw_losses(axes, history, best):
    epochs = [row["epoch"] for row in history]
    axes.plot(epochs, [row["loss"] for row in history], marker="o", label="train")
    axes.plot(epochs, [row["valid_loss"] for row in history], marker="o", label="valid")
    axes.axvline(best, color="grey", linestyle=":", label="kept")
    axes.set(title="loss", xlabel="epoch", ylim=(0, None))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.legend()


def _draw_scores(axes, card):
    metric = next(iter(card["scores"]["test"]))
    bars = {name: scores["test"][metric] for name, scores in card["baselines"].items()}
    bars |= {name: scores[metric] for name, scores in relatives(card).items()}
    bars[card["recipe"]] = card["scores"]["test"][metric]
    colours = [OURS if name == card["recipe"] else THEIRS for name in bars]
    axes.bar_label(axes.barh(list(bars), list(bars.values()), color=colours), fmt=" %.3f")
    better = "" if card.get("higher_is_better", True) else ", lower is better"
    axes.set(title=f"{metric} beside the baselines{better}", xlim=(0, max(bars.values()) * 1.2 or 1))


def draw_confusion(axes, answers, truth, labels) -> None:
    """Draws how many rows of each class were given which label."""
    codes = class_numbers(truth, labels)
    counts = confusion(codes, answers["probability"].argmax(axis=1), len(labels))
    shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(labels) <= 10:
        for row in range(len(labels)):
            for column in range(len(labels)):
                colour = "white" if shares[row, column] > 0.5 else "black"
                axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=colour)
    places = range(len(labels))
    axes.set_xticks(places, labels, rotation=0 if len(labels) < 4 else 90)
    axes.set_yticks(places, labels)
    axes.set(xlabel="answered", ylabel="true")


def draw_calibration(axes, answers, truth, labels) -> None:
    """Draws how often answers of a probability are right; the diagonal is honest."""
    bins = reliability(class_numbers(truth, labels), answers["probability"])
    real = bins.count > 0
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    axes.plot(bins.confidence[real], bins.accuracy[real], marker="o")
    axes.bar(
        bins.confidence[real], bins.count[real] / bins.count.sum(), width=0.03, color=THEIRS, label="share of rows"
    )
    axes.set(xlabel="probability of the answer", ylabel="share right", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.legend()
