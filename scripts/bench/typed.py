"""How well do runs translate text as people type it, in small letters and without final marks?

    python scripts/bench/typed.py RUN [RUN2 …] [--test FILE.tsv]

prints the BLEU of each run on a test set as it is and as it might be typed.
"""

import argparse
from pathlib import Path

from transformer_mt import Translator
from transformer_mt.noise import FINAL_MARK
from transformer_mt.scoring import corpus_bleu

KINDS = {
    "as it is": str,
    "small letters": str.lower,
    "no final mark": lambda text: FINAL_MARK.sub("", text),
    "both": lambda text: FINAL_MARK.sub("", text.lower()),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", metavar="RUN", type=Path, nargs="+")
    parser.add_argument("--test", type=Path, help="source and target, TSV (default: the run's own)")
    args = parser.parse_args()
    for run in args.runs:
        translator = Translator(run)
        path = args.test or run / "test.tsv"
        lines = path.read_text(encoding="utf-8").splitlines()
        sources, references = zip(*(line.split("\t")[:2] for line in lines), strict=True)
        for name, change in KINDS.items():
            translations = translator.translate(map(change, sources))
            texts = [translation.text for translation in translations]
            bleu = corpus_bleu(texts, list(references), translator.config.tgt_language)
            print(f"{run}  {name:<14} BLEU {bleu:6.2f}", flush=True)


if __name__ == "__main__":
    main()
