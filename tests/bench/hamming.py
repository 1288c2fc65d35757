#!/usr/bin/env python3
"""Hamming search of the index of codes beside Faiss, in turns in one run.

    tests/bench/hamming.py --library .libs/libsylkit.so

First the scan of all codes beside IndexBinaryFlat, whose results must be equal; then multi-index
hashing on codes that lie around centres, beside IndexBinaryHash and IndexBinaryMultiHash, with the
recall of each; then the exports read back. Medians of wall and of processor time (of all threads)
a query. What this interpreter lacks is left out.
"""
import argparse
import ctypes
import importlib
import importlib.metadata
import importlib.util
import os
import statistics
import tempfile
import time

BITS, SEED, K = 128, 1, 10
SCAN, TABLES = 1, 2


class Error(ctypes.Structure):
    _fields_ = [("status", ctypes.c_int), ("message", ctypes.c_char * 512)]


class Options(ctypes.Structure):
    _fields_ = [("k", ctypes.c_int64), ("radius", ctypes.c_int), ("candidates", ctypes.c_int64),
                ("method", ctypes.c_int), ("threads", ctypes.c_int)]


class Hits(ctypes.Structure):
    _fields_ = [("num_queries", ctypes.c_int64), ("offsets", ctypes.POINTER(ctypes.c_int64)),
                ("ids", ctypes.POINTER(ctypes.c_int64)),
                ("distances", ctypes.POINTER(ctypes.c_int32)), ("cosines", ctypes.c_void_p),
                ("candidates", ctypes.c_void_p)]


class Index:
    """syl_index_* (lib/sylkit.h)."""

    def __init__(self, library, codes):
        self.library, self.error, self.handle = library, Error(), ctypes.c_void_p()
        self.call("create", ctypes.byref(self.handle), BITS, 0)
        self.call("add", self.handle, pointer(codes), None, ctypes.c_int64(len(codes)))

    def call(self, name, *args):
        if getattr(self.library, "syl_index_" + name)(*args, ctypes.byref(self.error)):
            raise SystemExit(f"syl_index_{name}: {self.error.message.decode()}")

    def build(self, threads):
        self.call("build", self.handle, 0, threads)

    def export(self, kind, path):
        self.call("export_" + kind, self.handle, path.encode())

    def search(self, queries, method, threads, k=K, radius=-1):
        """-> (distances, ids, offsets)"""
        hits, options = Hits(), Options(k, radius, 0, method, threads)
        self.call("search", self.handle, pointer(queries), ctypes.c_int64(len(queries)),
                  ctypes.byref(options), ctypes.byref(hits))
        offsets = np.ctypeslib.as_array(hits.offsets, (len(queries) + 1,)).copy()
        n = (int(offsets[-1]),)
        found = (np.ctypeslib.as_array(hits.distances, n).copy() if n[0] else np.zeros(0, "i4"),
                 np.ctypeslib.as_array(hits.ids, n).copy() if n[0] else np.zeros(0, "i8"), offsets)
        self.library.syl_hits_free(ctypes.byref(hits))
        return found

    def close(self):
        self.library.syl_index_free(self.handle)


def pointer(array):
    return array.ctypes.data_as(ctypes.c_void_p)


def random_codes(random, n):
    return random.integers(0, 256, (n, BITS // 8), dtype="u1")


def codes_around(random, centres, n, flipped):
    """Centres with each bit flipped with a probability."""
    codes = centres[random.integers(0, len(centres), n)]
    for i in range(0, n, 1 << 18):
        part = codes[i:i + (1 << 18)]
        part ^= np.packbits(random.random((len(part), BITS), dtype="f4") < flipped, axis=1)
    return codes


def in_turns(programs, rounds):
    """{name: call} -> {name: (median wall, median CPU, last result)} of rounds after an untimed one."""
    times = {name: [] for name in programs}
    results = {}
    for number in range(rounds + 1):
        for name, call in programs.items():
            wall, cpu = time.monotonic(), time.process_time()
            results[name] = call()
            if number:
                times[name].append((time.monotonic() - wall, time.process_time() - cpu))
    return {name: (statistics.median(w for w, _ in t), statistics.median(c for _, c in t), results[name])
            for name, t in times.items()}


def row(cells, result, batch, peer):
    wall, cpu = result[0] / batch * 1e3, result[1] / batch * 1e3
    ratio = f"{peer[0] / result[0]:.2f} | {peer[1] / result[1]:.2f}" if peer else "no peer |"
    print("| " + " | ".join(map(str, cells)) + f" | {wall:.4g} | {cpu:.4g} | {ratio} |", flush=True)


def scans(args, library):
    print(f"Scan of all codes, {BITS} bits, k = {K}\n")
    print("| codes | batch | threads | program | wall ms/query | CPU ms/query | Faiss's wall / this | Faiss's CPU / this |")
    print("|---|---|---|---|---|---|---|---|")
    for count in args.codes:
        random = np.random.default_rng(SEED)
        codes, queries = random_codes(random, count), random_codes(random, max(args.batches))
        index = Index(library, codes)
        flat = faiss and faiss.IndexBinaryFlat(BITS)
        if faiss:
            flat.add(codes)
        for batch in args.batches:
            for threads in args.threads:
                programs = {"sylkit": lambda: index.search(queries[:batch], SCAN, threads)}
                if faiss:
                    faiss.omp_set_num_threads(threads)
                    programs["Faiss IndexBinaryFlat"] = lambda: flat.search(queries[:batch], K)
                results = in_turns(programs, args.rounds if batch > 1 else 5 * args.rounds)
                peer = results.get("Faiss IndexBinaryFlat")
                if peer and not np.array_equal(peer[2][0].ravel(), results["sylkit"][2][0]):
                    raise SystemExit("sylkit and Faiss find other distances")
                for name, result in results.items():
                    row((count, batch, threads, name), result, batch, peer)
        index.close()


def hashes(args, library):
    count, batch = args.clustered, 256
    random = np.random.default_rng(SEED)
    centres = random_codes(random, count // 100)
    codes, queries = (codes_around(random, centres, n, 0.05) for n in (count, batch))
    index = Index(library, codes)
    begin = time.monotonic()
    index.build(1)
    print(f"\nMulti-index hashing, {count} codes around {count // 100} centres, each bit flipped with "
          f"probability 0.05, k = {K}, batch {batch}, 1 thread; tables built in {time.monotonic() - begin:.2f} s\n")
    print("| program | recall | wall ms/query | CPU ms/query | IndexBinaryFlat's wall / this | its CPU / this |")
    print("|---|---|---|---|---|---|")
    programs = {"sylkit scan": lambda: index.search(queries, SCAN, 1),
                "sylkit tables": lambda: index.search(queries, TABLES, 1)}
    if faiss:
        faiss.omp_set_num_threads(1)
        flat, hashed = faiss.IndexBinaryFlat(BITS), faiss.IndexBinaryHash(BITS, 20)
        multi = faiss.IndexBinaryMultiHash(BITS, 6, 21)
        hashed.nflip, multi.nflip = 2, 1
        for peer in (flat, hashed, multi):
            peer.add(codes)
        programs.update({"Faiss IndexBinaryFlat": lambda: flat.search(queries, K),
                         "Faiss IndexBinaryHash(20), 2 flips": lambda: hashed.search(queries, K),
                         "Faiss IndexBinaryMultiHash(6, 21), 1 flip": lambda: multi.search(queries, K)})
    results = in_turns(programs, args.rounds)
    truth = results["sylkit scan"][2][1].reshape(batch, K)
    distances = results["sylkit scan"][2][0]
    if not (np.array_equal(distances, results["sylkit tables"][2][0])
            and np.array_equal(truth.ravel(), results["sylkit tables"][2][1])):
        raise SystemExit("tables and scan find other codes")
    for name, result in results.items():
        # Of codes at one distance each program may take others: one counts that is near enough.
        found = np.asarray(result[2][0]).reshape(batch, K)
        share = float(np.mean((found <= distances.reshape(batch, K)[:, -1:]) & (found >= 0)))
        row((name, f"{share:.4f}"), result, batch, results.get("Faiss IndexBinaryFlat"))
    index.close()


def exports(library):
    """Faiss and NumPy read what was exported, and find the same in it."""
    random = np.random.default_rng(SEED)
    codes, queries = random_codes(random, 10001), random_codes(random, 33)
    index = Index(library, codes)
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "index")
        index.export("npy", path)
        same = np.array_equal(np.load(path), codes)
        print(f"\nExports of 10001 codes: .npy {'equal' if same else 'NOT equal'}", end="")
        if faiss:
            index.export("faiss", path)
            distances, _ = faiss.read_index_binary(path).search(queries, K)
            same &= np.array_equal(distances.ravel(), index.search(queries, SCAN, 1)[0])
            print(f"; Faiss's read_index_binary, searched: {'equal' if same else 'NOT equal'}", end="")
    print()
    index.close()
    if not same:
        raise SystemExit("an export is not what it should be")


def numbers(text):
    return [int(n) for n in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", required=True)
    parser.add_argument("--codes", type=numbers, default=[1000000, 10000000])
    parser.add_argument("--batches", type=numbers, default=[1, 64, 1024])
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--clustered", type=int, default=1000000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    if not np:
        print("Hamming search: left out, this interpreter has no numpy")
        return
    library = ctypes.CDLL(os.path.abspath(args.library))
    peer = importlib.metadata.version("faiss-cpu") if faiss else "not installed"
    print(f"Faiss {peer}; medians of {args.rounds} turns (single queries: {5 * args.rounds}), seed {SEED}, "
          f"{os.cpu_count()} CPUs, load {os.getloadavg()[0]:.2f}\n")
    scans(args, library)
    hashes(args, library)
    exports(library)
    print(f"\nload at the end {os.getloadavg()[0]:.2f}")


# Two libraries' threads wait in turns here: those that spin would take the other's processors.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
np = importlib.import_module("numpy") if importlib.util.find_spec("numpy") else None
faiss = importlib.import_module("faiss") if np and importlib.util.find_spec("faiss") else None
main()
