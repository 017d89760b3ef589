#!/usr/bin/env bash
# From nothing to a trained model: installs, trains on the embedded corpus in minutes, scores,
# translates three sentences, and draws the attention of one.
set -euo pipefail
EXTRAS=viz,zh
source "$(dirname "$0")/setup.sh"

run=runs/starter-en-zh-tiny
.venv/bin/python -m transformer_mt.train experiment=starter run_dir=$run
.venv/bin/python -m transformer_mt.evaluate $run
for sentence in "Good morning." "I like apples." "Where is the library?"; do
    echo "$sentence"
    .venv/bin/python -m transformer_mt.translate $run "$sentence"
done
.venv/bin/python -m transformer_mt.visualize $run "Where is the library?" --output-dir attention
