"""What measurements of a frozen encoder and of episodes print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anaglyph.cli.tables import show_table


def show_episodes(found: Mapping[str, Any]) -> None:
    """Every fold, then mean and spread."""
    rows = [[str(fold), f"{value:.4f}"] for fold, value in enumerate(found["fold_accuracies"])]
    metrics = found["metrics"]
    rows.append(["mean ± spread", f"{metrics['accuracy']:.4f} ± {metrics['accuracy_spread']:.4f}"])
    show_table(f"{found['encoder']} on {found['data']}, {found['episode']}", ["fold", "accuracy"], rows)
    if "folder" in found:
        print(f"Runs: {found['folder']}")


def show_probe(found: Mapping[str, Any]) -> None:
    """Accuracies with numerator and denominator, and C with what it was chosen by."""
    if "fold_accuracies" in found:
        show_episodes(found)
        return
    rows = [[name, f"{value:.4f}"] for name, value in found["metrics"].items()]
    rows += [
        [f"cross-validation, C = {cost:g}", f"{value:.4f}"]
        for cost, value in found["cross_validation"].items()
    ]
    title = f"Linear SVM on {found['encoder']}, {found['data']} {found['split']}: {found['inputs']}"
    show_table(title, ["metric", "value"], rows)
    if not found["converged"]:
        print("The machine was stopped before it converged.")
