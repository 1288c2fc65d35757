#!/bin/sh
# The backend with work put off until it is waited for (CUDAHOST_LATE): what lacks an order between
# streams gives wrong results.
set -u
[ -x tests/cudahost/backend ] || {
    echo "no C++ compiler or no cmocka: skipped"
    exit 77
}
status=0
for seed in 1 2; do
    CUDAHOST_LATE=1 CUDAHOST_SEED=$seed ./tests/cudahost/backend || { echo "FAIL: seed $seed"; status=1; }
done
CUDAHOST_LATE=1 CUDAHOST_SEED=1 ./tests/cudahost/device || { echo "FAIL: device"; status=1; }
exit $status
