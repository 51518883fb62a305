"""Columns: which column of a table is time, series, target or covariate."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Columns:
    """Names of a panel's columns by role, as the file has them.

    Attributes:
        time: The time column; several, joined, with commas between; "" where stamps are made.
        id: The column that tells series apart; "" where there is one series.
        targets: What is forecast.
        past, past_categories: Covariates known up to now, numbers and texts.
        future, future_categories: Covariates known over the horizon too.
        static, static_categories: Covariates that are the same at all steps of a series.
    """

    time: str
    id: str
    targets: tuple[str, ...]
    past: tuple[str, ...] = ()
    future: tuple[str, ...] = ()
    past_categories: tuple[str, ...] = ()
    future_categories: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    static_categories: tuple[str, ...] = ()

    @property
    def numeric(self) -> tuple[str, ...]:
        """Columns of a panel's `values`."""
        return self.targets + self.past + self.future

    @property
    def categories(self) -> tuple[str, ...]:
        """Columns of a panel's `categories`."""
        return self.past_categories + self.future_categories

    def as_dict(self) -> dict:
        """Returns plain values for JSON."""
        return {name: value if isinstance(value, str) else list(value) for name, value in vars(self).items()}

    @classmethod
    def from_dict(cls, values: dict) -> "Columns":
        """Makes columns of what `as_dict` gave."""
        return cls(**{name: value if isinstance(value, str) else tuple(value) for name, value in values.items()})
