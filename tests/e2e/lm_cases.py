"""What test_lm.sh compares: lm_cases.py WHAT FILE CASES [ARGUMENTS]; lm_cases.py shards FOLDER N parts
its model.safetensors."""
import json
import os
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


def shards(folder, count):
    whole = folder + "/model.safetensors"
    data = open(whole, "rb").read()
    size, = struct.unpack("<Q", data[:8])
    head = json.loads(data[8:8 + size])
    names = [n for n in head if n != "__metadata__"]
    files = {}
    for k in range(count):
        part, body = {}, b""
        for name in names[k::count]:
            begin, end = head[name]["data_offsets"]
            part[name] = {**head[name], "data_offsets": [len(body), len(body) + end - begin]}
            body += data[8 + size + begin:8 + size + end]
            files[name] = f"model-{k + 1}-of-{count}.safetensors"
        text = json.dumps(part).encode()
        open(f"{folder}/model-{k + 1}-of-{count}.safetensors", "wb").write(
            struct.pack("<Q", len(text)) + text + body)
    json.dump({"metadata": {"total_size": len(data) - 8 - size}, "weight_map": files},
              open(whole + ".index.json", "w"))
    os.remove(whole)
    return True


def main():
    if sys.argv[1] == "shards":
        return shards(sys.argv[2], int(sys.argv[3]))
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
