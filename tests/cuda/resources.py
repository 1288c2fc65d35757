#!/usr/bin/env python3
"""What ptxas gives each kernel of lib/compute/cuda/: registers, shared memory, spills, and the
occupancy that follows from them on paper.

    tests/cuda/resources.py --nvcc NVCC --source TOP [--launches FILE] [--markdown]

--launches names a file of "kernel threads dynamic-shared-bytes" lines, as the test of the kernels'
PTX leaves it in tests/ptx/launches.txt; without it, occupancy is left out. Exit status: 0
no kernel spills, 1 one does or nvcc failed, 77 there is no nvcc.
"""
import argparse
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

# Per multiprocessor (CUDA C programming guide, compute capabilities): registers, threads, blocks,
# shared bytes; and how they are given out: registers by 256 a warp, shared memory by `unit` with
# `reserved` bytes of each block.
LIMITS = {
    75: dict(registers=65536, threads=1024, blocks=16, shared=65536, unit=256, reserved=0),
    80: dict(registers=65536, threads=2048, blocks=32, shared=167936, unit=128, reserved=1024),
    90: dict(registers=65536, threads=2048, blocks=32, shared=233472, unit=128, reserved=1024),
}


def demangle(names):
    """C++ names as the source has them, without their parameters."""
    if not names or not shutil.which("c++filt"):
        return {name: name for name in names}
    text = subprocess.run(["c++filt"], input="\n".join(names), text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    plain = {}
    for name, full in zip(names, text.splitlines()):
        full = re.sub(r"^void ", "", full)
        plain[name] = re.sub(r"\(.*$", "", full.replace("(anonymous namespace)::", ""))
    return plain


def compile_one(nvcc, source, path, arch):
    """{mangled name: (registers, static shared, spilled bytes)}"""
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(
            [nvcc, "-cubin", f"-arch=sm_{arch}", "-O3", "-Xptxas", "-v", f"-I{source}", path, "-o",
             os.path.join(folder, "out.cubin")], text=True, stderr=subprocess.PIPE)
    if run.returncode:
        sys.exit(f"{path}, sm_{arch}: nvcc failed:\n{run.stderr}")
    kernels, name, spilled = {}, None, 0
    for line in run.stderr.splitlines():
        if found := re.search(r"Compiling entry function '(\w+)'", line):
            name, spilled = found[1], 0
        elif found := re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", line):
            spilled = int(found[1]) + int(found[2])
        elif name and (found := re.search(r"Used (\d+) registers", line)):
            shared = re.search(r"(\d+) bytes smem", line)
            kernels[name] = (int(found[1]), int(shared[1]) if shared else 0, spilled)
            name = None
    return kernels


def occupancy(arch, registers, shared, threads):
    """The share of a multiprocessor's threads that blocks of this kind can fill."""
    limit = LIMITS[arch]
    warps = (threads + 31) // 32
    blocks = min(limit["blocks"], limit["threads"] // (warps * 32))
    a_warp = (registers * 32 + 255) // 256 * 256
    blocks = min(blocks, limit["registers"] // a_warp // warps)
    if shared:
        a_block = (shared + limit["reserved"] + limit["unit"] - 1) // limit["unit"] * limit["unit"]
        blocks = min(blocks, limit["shared"] // a_block)
    return blocks * warps * 32 / limit["threads"]


def read_launches(path):
    """{kernel: (threads, dynamic shared)}: of each kernel the launch with the most of both."""
    launches = {}
    for line in open(path, encoding="utf-8") if path else []:
        kernel, threads, shared = line.rsplit(None, 2)
        launches[kernel] = max(launches.get(kernel, (0, 0)), (int(threads), int(shared)))
    return launches


def row_of(name, by_arch, launch):
    cells = [name]
    cells.append(f"{launch[0]}" if launch else "")
    static = next(iter(by_arch.values()))[1]
    cells.append(str(static + (launch[1] if launch else 0)))
    for arch in LIMITS:
        registers, shared, _ = by_arch[arch]
        cells.append(str(registers))
        cells.append(f"{occupancy(arch, registers, shared + launch[1], launch[0]):.0%}"
                     if launch else "")
    return cells


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nvcc", default=os.environ.get("NVCC") or "nvcc")
    parser.add_argument("--source", default=".")
    parser.add_argument("--launches")
    parser.add_argument("--markdown", action="store_true")
    args = parser.parse_args()
    if not shutil.which(args.nvcc):
        print("no nvcc: skipped")
        sys.exit(77)
    files = sorted(glob.glob(os.path.join(args.source, "lib/compute/cuda/*.cu")))
    jobs = [(path, arch) for path in files for arch in LIMITS]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda j: compile_one(args.nvcc, args.source, *j), jobs))
    table = {}
    for (path, arch), kernels in zip(jobs, results):
        for name, figures in kernels.items():
            table.setdefault((os.path.basename(path), name), {})[arch] = figures
    plain = demangle([name for _, name in table])
    launches = read_launches(args.launches)
    heads = ["kernel", "threads", "shared bytes"]
    for arch in LIMITS:
        heads += [f"registers {arch}", f"occupancy {arch}"]
    print("| " + " | ".join(heads) + " |" if args.markdown else "\t".join(heads))
    if args.markdown:
        print("|" + "---|" * len(heads))
    spilling = []
    for (path, name), by_arch in table.items():
        cells = row_of(plain[name], by_arch, launches.get(name))
        print("| " + " | ".join(cells) + " |" if args.markdown else "\t".join(cells))
        spilling += [f"{path}: {plain[name]} on sm_{arch}: {f[2]} bytes"
                     for arch, f in by_arch.items() if f[2]]
    print(f"{len(table)} kernels, {len(spilling)} spills")
    if spilling or not table:
        sys.exit("spilled registers:\n" + "\n".join(spilling))


if __name__ == "__main__":
    main()
