# What the tests of the CUDA backend as a user meets it share; sourced after common.sh. Its kernels are executed on
# the host: the module in $CUDAHOST_MODULES is the backend's own source over tests/cudahost.
golden=${GOLDEN:?tests/golden}
unset OMPI_COMM_WORLD_SIZE PMI_SIZE PMIX_RANK
[ -e "${CUDAHOST_MODULES:-}/libsylkit-cuda.so" ] || {
    echo "no C++ compiler, no module: skipped"
    exit 77
}
export SYLKIT_MODULES="$CUDAHOST_MODULES"

# close X.npy Y.npy BOUND: of the largest difference as a part of the largest value.
close() {
    python3 - "$@" <<'P'
import array, ast, sys
def load(path):
    raw = open(path, "rb").read()
    end = 10 + int.from_bytes(raw[8:10], "little")
    return ast.literal_eval(raw[10:end].decode())["shape"], array.array("f", raw[end:])
(shape, a), (other, b) = load(sys.argv[1]), load(sys.argv[2])
worst = max(abs(x - y) for x, y in zip(a, b)) / max(map(abs, a))
print("largest difference", worst)
sys.exit(not (shape == other and len(a) == len(b) and worst < float(sys.argv[3])))
P
}
# one_curve A B STEPS: every loss and norm of the gradient to 1e-3.
one_curve() {
    python3 - "$@" <<'P'
import json, sys
steps = int(sys.argv[3])
a, b = ([json.loads(line) for line in open(p + "/metrics.jsonl")] for p in sys.argv[1:3])
worst = max(abs(x[k] - y[k]) / abs(x[k]) for x, y in zip(a, b) for k in ("loss", "grad_norm"))
print(len(a), "steps, largest relative difference", worst)
sys.exit(not (len(a) == len(b) == steps and worst < 1e-3 and a[-1]["loss"] < a[0]["loss"]))
P
}
