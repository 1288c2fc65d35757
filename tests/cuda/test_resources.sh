#!/bin/sh
# No kernel spills registers (tests/cuda/resources.py); skipped without nvcc.
case ${NVCC:-no} in no | "") echo "no nvcc: skipped"; exit 77 ;; esac
launches=tests/ptx/launches.txt
exec python3 "${PREFIX_SRC:?the source tree}/tests/cuda/resources.py" --nvcc "$NVCC" \
    --source "$PREFIX_SRC" $([ -f $launches ] && echo --launches $launches)
