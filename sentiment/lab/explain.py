"""`python -m sentiment.lab.explain "headline"`: prints each scorer's verdict on a text, and the words that decided it.

Includes `trained` if a model exists (`CRYPTOVIZ_SCORER_MODEL`, or `--model`).
"""

import argparse
import sys
from pathlib import Path

from contracts.settings import ScorerSection, load_settings
from sentiment.mentions import mentions
from sentiment.scorers.registry import SCORERS
from sentiment.scorers.scorer import Scorer


def explanation(text: str, scorer: Scorer) -> str:
    """A scorer's verdict on one line, then one line for each term that decided, with its weight."""
    found = scorer.score(text)
    evidence = [f"  {weight:+8.3f}  {what}" for what, weight in scorer.evidence(text)] or ["  no known word"]
    summary = f"{found.scorer}: {found.label}, score {found.score:.3f}, confidence {found.confidence:.3f}"
    if found.confidence == 0:
        summary += " (no verdict)"
    return "\n".join([summary, *evidence])


def main() -> int:
    """Prints the explanations and the coins mentioned; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m sentiment.lab.explain", description=__doc__)
    parser.add_argument("text", help="the headline, optionally with its summary")
    parser.add_argument("--scorer", choices=SCORERS, help="only this scorer; default: all")
    parser.add_argument("--model", type=Path, help="the model file of `trained`; default: the one of the settings")
    options = parser.parse_args()
    model: Path = options.model or load_settings(ScorerSection).scorer_model_file
    names = [options.scorer] if options.scorer else [name for name in SCORERS if name != "trained" or model.exists()]
    for name in names:
        print(explanation(options.text, SCORERS[name](model)))
    print(f"coins: {', '.join(mentions(options.text)) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
