"""Exact Shapley values of LightGBM's boosters (path-dependent, as its pred_contrib), at the speed of scoring."""

from leadml.treeshap.explain import Contributions, Explainer, explain

__all__ = ["Contributions", "Explainer", "explain"]
