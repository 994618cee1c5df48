"""The PromQL that all boards share, so that no selector forgets the board's variables.

A `Scope` writes selectors narrowed to what is chosen at the top of the board: job, instance and, on the board of one
workflow, the workflow. Ranges of `rate` and `increase` are `$__rate_interval`, which is wide enough for the scrape
interval whatever the zoom (Grafana docs "Prometheus template variables").
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scope:
    """Writes PromQL over the series chosen by these variables of the board, which are named as their labels."""

    variables: tuple[str, ...]

    def select(self, metric: str, *matchers: str) -> str:
        """The metric's chosen series, narrowed by further matchers such as `status="FAILED"`."""
        chosen = [f'{name}=~"${name}"' for name in self.variables]
        return f"{metric}{{{', '.join([*chosen, *matchers])}}}"

    def rate(self, counter: str, *matchers: str) -> str:
        """How much the counter grows each second."""
        return f"rate({self.select(counter, *matchers)}[$__rate_interval])"

    def increase(self, counter: str, *matchers: str) -> str:
        """How much the counter has grown from one point of the board to the next."""
        return f"increase({self.select(counter, *matchers)}[$__rate_interval])"

    def quantile(self, share: float, histogram: str, *by: str) -> str:
        """The value below which this share of the histogram's observations lies, for each value of the labels."""
        labels = ", ".join([*by, "le"])
        return f"histogram_quantile({share}, sum by ({labels}) ({self.rate(histogram + '_bucket')}))"

    def mean(self, summary: str) -> str:
        """The mean of the observations of a summary or histogram."""
        return f"sum({self.rate(summary + '_sum')}) / sum({self.rate(summary + '_count')})"


def by(label: str, vector: str) -> str:
    """The sums of the vector for each value of the label."""
    return f"sum by ({label}) ({vector})"


def most(label: str, vector: str) -> str:
    """The largest of the vector for each value of the label."""
    return f"max by ({label}) ({vector})"


def total(vector: str) -> str:
    """The sum of the vector's series."""
    return f"sum({vector})"
