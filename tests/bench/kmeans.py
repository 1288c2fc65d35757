#!/usr/bin/env python3
"""Lloyd's iterations of sylkit kmeans beside scikit-learn and Faiss, in turns in one run.

    tests/bench/kmeans.py --sylkit ./sylkit

All begin with rows drawn evenly and make the same number of iterations over the same file. The
time of sylkit is the whole process's; of the others, which hold the data in memory, the fit
alone. What this interpreter lacks is left out.
"""
import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

PEERS = {"scikit-learn": "sklearn", "faiss": "faiss"}


def fit(peer, path, clusters, iterations, seed, threads):
    """One fit in this process: (seconds, inertia)."""
    import numpy as np
    rows = np.load(path)
    if peer == "faiss":
        import faiss
        faiss.omp_set_num_threads(threads)
        kmeans = faiss.Kmeans(rows.shape[1], clusters, niter=iterations, seed=seed,
                              max_points_per_centroid=len(rows))
        begin = time.monotonic()
        kmeans.train(rows)
        seconds = time.monotonic() - begin
        return seconds, float(kmeans.index.search(rows, 1)[0].sum())
    from sklearn.cluster import KMeans
    kmeans = KMeans(clusters, init="random", n_init=1, max_iter=iterations, tol=0,
                    algorithm="lloyd", random_state=seed)
    begin = time.monotonic()
    kmeans.fit(rows)
    seconds = time.monotonic() - begin
    if kmeans.n_iter_ < iterations:
        sys.exit(f"scikit-learn converged after {kmeans.n_iter_} iterations; ask for fewer")
    return seconds, float(kmeans.inertia_)


def run(name, args, path, seed, threads):
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads),
                       OPENBLAS_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads))
    if name != "sylkit":
        command = [sys.executable, __file__, "--fit", name, path, str(args.clusters),
                   str(args.iterations), str(seed), str(threads)]
        return json.loads(subprocess.run(command, check=True, capture_output=True, text=True,
                                         env=environment).stdout)
    command = [args.sylkit, "kmeans", "--init", "random", "--clusters", str(args.clusters),
               "--iterations", str(args.iterations), "--tolerance", "0", "--seed", str(seed),
               "--threads", str(threads), "-q", "-o", path + ".codebook", path]
    begin = time.monotonic()
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return time.monotonic() - begin, json.loads(done.stdout)["inertia"]


def make_rows(path, args):
    import numpy as np
    random = np.random.default_rng(1)
    centres = random.standard_normal((3 * args.clusters, args.dim), dtype="f4")
    rows = 0.7 * random.standard_normal((args.rows, args.dim), dtype="f4")
    rows += centres[random.integers(0, len(centres), args.rows)]
    np.save(path, rows)


def main():
    if sys.argv[1:2] == ["--fit"]:
        peer, path, *numbers = sys.argv[2:]
        print(json.dumps(fit(peer, path, *map(int, numbers))))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sylkit", required=True)
    parser.add_argument("--rows", type=int, default=100000)
    parser.add_argument("--dim", type=int, default=384)
    parser.add_argument("--clusters", type=int, default=1000)
    parser.add_argument("--iterations", type=int, default=10)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    if not importlib.util.find_spec("numpy"):
        print("k-means: left out, this interpreter has no numpy")
        return
    names = ["sylkit"] + [n for n, m in PEERS.items() if importlib.util.find_spec(m)]
    print(f"k-means of {args.rows} x {args.dim} into {args.clusters}, {args.iterations} iterations, "
          f"median (least to most) of {args.runs}, load {os.getloadavg()[0]:.2f}\n")
    print("| threads | program | seconds | mean inertia | times as long as sylkit |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "rows.npy")
        make_rows(path, args)
        for threads in (1, 2):
            results = {name: [] for name in names}
            for seed in range(args.runs):
                for name in names:
                    results[name].append(run(name, args, path, seed, threads))
            own = statistics.median(s for s, _ in results["sylkit"])
            for name in names:
                seconds = sorted(s for s, _ in results[name])
                inertia = statistics.mean(i for _, i in results[name])
                median = statistics.median(seconds)
                print(f"| {threads} | {name} | {median:.2f} ({seconds[0]:.2f} to {seconds[-1]:.2f}) "
                      f"| {inertia:.5g} | {median / own:.2f} |", flush=True)


main()
