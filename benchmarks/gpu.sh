#!/usr/bin/env bash
# What a machine with a GPU gives in ten minutes: the default recipe for the time there is, one row of each report at its full
# budget, every benchmark on the device. What does not finish in its time leaves its state and log.
#   DERMAVIZ_DATA=FOLDER benchmarks/gpu.sh OUT            ten minutes on a GPU
#   DERMAVIZ_DATA=FOLDER benchmarks/gpu.sh OUT --smoke    the same steps on two cores: a training of 128 images to its end, the
#                                                         reports' rows until their seconds are over (124), two benchmarks
set -euo pipefail
cd "$(dirname "$0")/.."
out=$(realpath -m "${1:?expected a folder for the results, found none: benchmarks/gpu.sh OUT [--smoke]}")
mkdir -p "$out"
recipe=recipes/ham10000-efficientnet-lite0.yaml budget=full train=270 row=40 each=130 rounds=()
if [ "${2:-}" = --smoke ]; then
    sed 's/^name: .*/name: smoke/; /- {size: 1\|- {size: 2/d; s/^stages:/stages: [{size: 32, epochs: 1}]/
        s/pack: \[150, 200\]}/pack: [150, 200], images: 128, validation_images: 64}/' "$recipe" > "$out/smoke.yaml"
    recipe=$out/smoke.yaml budget=laptop train=120 row=25 each=60 rounds=(gradcampp-vs-forward-lite0 metrics-same-draws)
fi
echo "step,exit,seconds" > "$out/steps.csv"

# step NAME SECONDS COMMAND…: what it says goes to NAME.txt, its exit (124: its time was over) and seconds to steps.csv
step() {
    local name=$1 most=$2 started=$SECONDS code=0
    shift 2
    timeout --signal=INT --kill-after=20 "$most" "$@" > "$out/$name.txt" 2>&1 || code=$?
    echo "$name,$code,$((SECONDS - started))" | tee -a "$out/steps.csv"
}

step machine 30 python -c "import torch; print(torch.__version__, torch.cuda.get_device_name() if torch.cuda.is_available() else 'no GPU')"
step train "$train" dermaviz train "$recipe" --runs "$out/runs" --output "$out/checkpoint"
for of in bezzon-carraro/one chaudhary-byun/keratosis-lite0-scratch gupta-et-al/baseline ham10000-cnn-transfer/forest sagar-jacob/size-300; do
    step "${of%/*}" "$row" dermaviz reproduce "${of%/*}" "${of#*/}" --budget "$budget" --runs "$out/runs/reports" --results "$out/reports"
done
step benchmarks "$each" python -m benchmarks "${rounds[@]}" --json "$out/benchmarks.json"
