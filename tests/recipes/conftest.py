"""A forecaster of two shops, whose recurrence and linear part both count, and a stock's; not to be changed."""

import pytest
from shops import SHOPS, prices, shops


@pytest.fixture(scope="session")
def forecaster(made_once):
    import rnnkit

    given = {"bundle": "shops", "linear": "residual", **SHOPS}
    return made_once("forecaster", lambda out: rnnkit.run("forecast", data=shops(), out=out, **given))


@pytest.fixture(scope="session")
def stock(made_once):
    """Trained by the command line, with a preset, a flag that wins over it, and a backtest."""
    import rnnkit
    from rnnkit.cli import main

    small = ["--window", "7", "--epochs", "1", "--steps-per-epoch", "2", "--units", "5", "--backtest", "2"]

    def make(out):
        prices().to_csv(out / "prices.csv", index=False)
        files = ["--data", f"{out}/prices.csv", "--out", str(out)]
        assert main(["run", "forecast", "--preset", "stock", *files, *small]) == 0
        return rnnkit.load(out / "stock")

    return made_once("stock", make)
