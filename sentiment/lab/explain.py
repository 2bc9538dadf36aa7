"""`python -m sentiment.lab.explain "headline"`: what each scorer makes of a text, and the words that decided.

`trained` is heard where there is a model (`CRYPTOVIZ_SCORER_MODEL`, or `--model`).
"""

import argparse
import sys
from pathlib import Path

from contracts.settings import ScorerSection, load_settings
from sentiment.mentions import mentions
from sentiment.scorers.registry import SCORERS
from sentiment.scorers.scorer import Scorer


def explanation(text: str, scorer: Scorer) -> str:
    """A scorer's verdict in a line, then a line for each thing that decided, with its weight."""
    found = scorer.score(text)
    evidence = [f"  {weight:+8.3f}  {what}" for what, weight in scorer.evidence(text)] or ["  knows no word of it"]
    verdict = f"{found.scorer}: {found.label}, score {found.score:.3f}, confidence {found.confidence:.3f}"
    if found.confidence == 0:
        verdict += " (no verdict)"
    return "\n".join([verdict, *evidence])


def main() -> int:
    """Prints the explanations, and the coins that are mentioned; 0."""
    parser = argparse.ArgumentParser(prog="python -m sentiment.lab.explain", description=__doc__)
    parser.add_argument("text", help="the headline, with its summary if you like")
    parser.add_argument("--scorer", choices=SCORERS, help="this one alone; default: all there are")
    parser.add_argument("--model", type=Path, help="the model of `trained`; default: where the scraper looks for it")
    options = parser.parse_args()
    model: Path = options.model or load_settings(ScorerSection).scorer_model_file
    names = [options.scorer] if options.scorer else [name for name in SCORERS if name != "trained" or model.exists()]
    for name in names:
        print(explanation(options.text, SCORERS[name](model)))
    print(f"coins: {', '.join(mentions(options.text)) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
