"""What test_lm.sh compares: lm_cases.py WHAT FILE CASES [ARGUMENTS]."""
import json
import struct
import sys


def npy(path):
    """Rows of a float32 .npy of two dimensions."""
    data = open(path, "rb").read()
    size, = struct.unpack("<H", data[8:10])
    header = eval(data[10:10 + size])
    rows, cols = header["shape"]
    assert header["descr"] == "<f4"
    values = struct.unpack(f"<{rows * cols}f", data[10 + size:])
    return [values[r * cols:(r + 1) * cols] for r in range(rows)]


def near(a, b, tolerance=2e-4):
    return len(a) == len(b) and all(abs(x - y) < tolerance for x, y in zip(a, b))


def main():
    what, path, cases = sys.argv[1], sys.argv[2], json.load(open(sys.argv[3]))
    if what == "field":  # into a file
        value = cases[sys.argv[4]]
        text = "".join(v + "\n" for v in value) if isinstance(value, list) else str(value)
        open(path, "w", encoding="utf-8").write(text)
        return True
    if what == "follows":
        return open(path, "rb").read() == bytes.fromhex(cases["follows"])
    if what == "loss":
        r = json.load(open(path))
        return (abs(r["loss"] - cases["loss"]) < 1e-4 and r["tokens"] == cases["tokens"]
                and r["scored"] == r["tokens"] - 1)
    if what == "vectors":
        got, want = npy(path), cases[sys.argv[4]]
        return len(got) == len(want) and all(near(a, b) for a, b in zip(got, want))
    if what == "unit":
        return all(abs(sum(v * v for v in row) - 1) < 1e-5 for row in npy(path))
    raise SystemExit(f"what is {what}?")


sys.exit(0 if main() else 1)
