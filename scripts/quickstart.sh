#!/usr/bin/env bash
# From nothing to a trained model: installs, trains on the embedded corpus in minutes, scores,
# translates three sentences, draws the attention of one, and makes the primer and the live page. What
# a step has done already is not done again.
set -euo pipefail
EXTRAS=viz,zh
source "$(dirname "$0")/setup.sh"

run=runs/starter-en-zh-tiny
sentences=("Good morning." "I like apples." "Where is the library?")

step() {
    printf '\n== %s\n' "$*" >&2
}

command_of() {
    .venv/bin/python -m "transformer_mt.$1" "${@:2}"
}

address_of() {
    "$python" -c 'import pathlib, sys; print(pathlib.Path(sys.argv[1]).resolve().as_uri())' "$1"
}

last_words() {
    local line=──────────────────────────────────────────────────────────────────────────────
    local is_chinese=
    case "${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}" in zh*) is_chinese=yes ;; esac
    say() {  # in English, and in Chinese where that is the system's language
        printf '\n  %s\n' "$1${is_chinese:+  $2}"
    }
    printf '\n%s\n' "$line"
    say "Open in a browser:" "用浏览器打开："
    printf '    %s\n' "$(address_of primer.html)" "$(address_of attention/attention.html)" \
        "$(address_of explore.html)"
    say "Attention explained, with your model inside; one translation; a translator of what you type." \
        "装着你的模型的注意力讲解；一句译文；以及输入什么就翻译什么的网页。"
    say "Talk to your model, in $PWD:" "与你的模型对话："
    printf '    %s\n' ".venv/bin/python -m transformer_mt.translate $run"
    say "Train on more, half an hour and 25,000 everyday sentences:" "用更多语料训练（约半小时）："
    printf '    %s\n' ".venv/bin/python -m transformer_mt.train experiment=tatoeba"
    printf '\n%s\n' "$line"
}

step "Training on 37,000 sentence pairs: five minutes on two free cores. Ctrl-C saves; start this again to go on."
command_of train experiment=starter run_dir=$run

step "Scoring 1,000 translations that it has not seen …"
command_of evaluate $run

step "Translating …"
translations=$(command_of translate $run "${sentences[@]}")
paste -d '\n' <(printf '%s\n' "${sentences[@]}") <(printf '%s\n' "$translations")

step "Drawing the attention of one translation, and writing the primer and the live page …"
command_of visualize $run "${sentences[2]}" --output-dir attention
command_of primer $run --live --output primer.html
command_of explore $run --output explore.html

last_words >&2
