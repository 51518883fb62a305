"""A forecaster of two shops, whose recurrence and linear part both count, and a stock's; not to be changed."""

import pytest
from shops import SHOPS, prices, shops


@pytest.fixture(scope="session")
def forecaster(tmp_path_factory):
    import rnnkit

    out = tmp_path_factory.mktemp("saved_models")
    return rnnkit.run("forecast", data=shops(), out=out, bundle="shops", linear="residual", **SHOPS)


@pytest.fixture(scope="session")
def stock(tmp_path_factory):
    """Trained by the command line, with a preset, a flag that wins over it, and a backtest."""
    import rnnkit
    from rnnkit.cli import main

    out = tmp_path_factory.mktemp("saved_models")
    prices().to_csv(out / "prices.csv", index=False)
    small = ["--window", "7", "--epochs", "1", "--steps-per-epoch", "2", "--units", "5", "--backtest", "2"]
    assert main(["run", "forecast", "--preset", "stock", "--data", f"{out}/prices.csv", "--out", str(out), *small]) == 0
    return rnnkit.load(out / "stock")
