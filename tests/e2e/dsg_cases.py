"""Corpus and checks of test_dsg.sh: dsg_cases.py CASE ARGUMENT..., which ends with an assertion."""

import json
import math
import random
import struct
import subprocess
import sys

TOPICS, OWN, COMMON, PSEUDO = 6, 40, 30, 9


def name(prefix, i):
    return prefix + "".join(chr(97 + i // 26**k % 26) for k in (2, 1, 0))


def topic_word(topic, i):
    return name("topic" + chr(97 + topic), i)


def pseudo(i):
    """Word i of the planted ones stands in two topics."""
    return name("planted", i), (i % TOPICS, (i + 1 + i // TOPICS) % TOPICS)


def sentence(topic, rng):
    words = []
    for _ in range(rng.randint(9, 16)):
        r = rng.random()
        if r < 0.25:
            words.append(name("common", int(COMMON * rng.random() ** 2)))
        elif r < 0.4:
            words.append(rng.choice([w for w, topics in map(pseudo, range(PSEUDO)) if topic in topics]))
        else:
            words.append(topic_word(topic, int(OWN * rng.random() ** 1.5)))
    return words


def corpus():
    """train.txt; contexts and key for eval wsi, words of chance beside it; pairs, SCWS, analogies."""
    rng = random.Random(3)
    with open("train.txt", "w") as f:
        for _ in range(700):
            topic = rng.randrange(TOPICS)
            f.write(" ".join((" ".join(sentence(topic, rng)) + ".").capitalize() for _ in range(6)) + "\n")
    with open("contexts", "w") as contexts, open("key", "w") as key:
        for i in range(PSEUDO):
            word, topics = pseudo(i)
            contexts.write(f"{word}.n 40\n")
            for n in range(40):
                sense = rng.randrange(2)
                words = [w for w in sentence(topics[sense], rng) if w != word]
                contexts.write(" ".join(words[:5]) + "\t" + " ".join(words[5:]) + "\n")
                key.write(f"{word}.n {word}.n.{n + 1} {word}.n.{sense + 1}\n")
    with open("pairs", "w") as f:
        for i in range(40):
            a, b = rng.sample(range(TOPICS), 2)
            f.write(f"{topic_word(a, i % 12)} {topic_word(a, (i + 5) % 12)} 9.5\n")
            f.write(f"{topic_word(a, i % 12)} {topic_word(b, (i + 5) % 12)} 0.5\n")
        f.write("neverseen topicaaaa 5\n")
    with open("scws", "w") as f:
        for i in range(60):
            word, topics = pseudo(i % PSEUDO)
            sense = rng.randrange(2)
            other = topics[rng.randrange(2)]
            first, second = sentence(topics[sense], rng), sentence(other, rng)
            target = topic_word(other, i % 10)
            fields = [str(i), word, "n", target, "n", " ".join(first[:5]) + f" <b> {word} </b> " + " ".join(first[5:]),
                      " ".join(second[:5]) + f" <b>{target}</b> " + " ".join(second[5:]),
                      "9.0" if other == topics[sense] else "1.0", "9.0"]
            f.write("\t".join(fields) + "\n")
    with open("analogies", "w") as f:
        f.write(": topics\n")
        for i in range(5):
            f.write(" ".join((topic_word(0, i), topic_word(0, i + 1), topic_word(1, i), topic_word(1, i + 1))) + "\n")
        f.write(": unknown\nneverseen topicaaaa topicaaab topicaaac\n")


def neighbours(found):
    """Of most planted words the two most frequent senses lie among words of the one and the other topic
    (by chance: of one in 15)."""
    lines = [json.loads(line) for line in open(found)]
    right = 0
    for i in range(PSEUDO):
        word, topics = pseudo(i)
        senses = sorted((x for x in lines if x["word"] == word), key=lambda x: -x["prior"])[:2]
        kinds = []
        for s in senses:
            near = [n["name"][5] for n in s["neighbours"] if n["name"].startswith("topic")]
            kinds.append(max(near, key=near.count) if near else "")
            assert [n["cosine"] for n in s["neighbours"]] == sorted((n["cosine"] for n in s["neighbours"]), reverse=True)
            assert not any(n["name"].split("#")[0] == word for n in s["neighbours"])
        right += sorted(kinds) == sorted(chr(97 + t) for t in topics)
    assert right >= 6, right


def queries(count):
    """Lines WORD, a tab, TEXT, for disambiguate; the topics go to a file."""
    rng = random.Random(5)
    with open("queries", "w") as f, open("topics", "w") as topics:
        for n in range(int(count)):
            word, pair = pseudo(n % PSEUDO)
            topic = pair[rng.randrange(2)]
            words = [w for w in sentence(topic, rng) if w != word]
            words.insert(4, word)
            f.write(word + "\t" + " ".join(words) + "\n")
            topics.write(f"{topic}\n")


def answers(found, least):
    """Senses that were given go with topics: the part of queries whose sense's most frequent topic is theirs,
    and the weights of each sum to 1."""
    lines = [json.loads(line) for line in open(found)]
    topics = [int(x) for x in open("topics")]
    assert len(lines) == len(topics)
    together = {}
    for line, topic in zip(lines, topics):
        assert abs(sum(s["weight"] for s in line["senses"]) - 1) < 1e-4, line
        assert line["name"] == max(line["senses"], key=lambda s: s["weight"])["name"], line
        assert line["informed"], line
        together.setdefault(line["name"], []).append(topic)
    right = sum(max(t.count(x) for x in set(t)) for t in together.values())
    distinct = len({line["word"] for line in lines}) * 2
    assert right >= float(least) * len(lines), (right, len(lines))
    assert len(together) >= distinct - 2, together.keys()


def live(program, model):
    """Each line is answered before the next is written."""
    p = subprocess.Popen([program, "dsg", "disambiguate", model], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL)
    for line, unknown, informed in ((b"plantedaaa\ttopicaaaa topicaaab\n", False, True),
                                    (b"neverseen\ttopicaaaa\n", True, None),
                                    (b"plantedaaa\tzzz yyy\n", False, False),
                                    (b"plantedaaa\t\n", False, False)):
        p.stdin.write(line)
        p.stdin.flush()
        answer = json.loads(p.stdout.readline())
        assert answer.get("unknown", False) == unknown and answer.get("informed") == informed, answer
    p.stdin.close()
    assert p.stdout.readline() == b"" and p.wait() == 1


def read_vectors(path, binary):
    data = open(path, "rb").read()
    head, rest = data.split(b"\n", 1)
    count, dim = map(int, head.split())
    found = {}
    if not binary:
        for line in rest.decode().splitlines():
            fields = line.split()
            found[fields[0]] = [float(x) for x in fields[1:]]
    while binary and len(found) < count:
        word, rest = rest.split(b" ", 1)
        found[word.strip().decode()] = list(struct.unpack("<%df" % dim, rest[: 4 * dim]))
        rest = rest[4 * dim :]
    assert len(found) == count and all(len(v) == dim for v in found.values())
    return found


def vectors(text, binary):
    """Both files hold the same vectors, among them senses of a planted word."""
    a, b = read_vectors(text, False), read_vectors(binary, True)
    assert list(a) == list(b)
    for word in a:
        assert all(abs(x - y) <= 1e-5 * max(1, abs(y)) for x, y in zip(a[word], b[word])), word
    assert sum(word.startswith("plantedaaa#") for word in a) >= 2, [w for w in a if w.startswith("planted")]
    assert "UNKNOWN" not in a


def plain(binary):
    """Plain skip-gram: words of a topic are nearer to each other than to others."""
    found = read_vectors(binary, True)

    def cosine(a, b):
        dot = sum(x * y for x, y in zip(found[a], found[b]))
        return dot / math.sqrt(sum(x * x for x in found[a]) * sum(x * x for x in found[b]))
    same = [cosine(topic_word(t, i), topic_word(t, i + 1)) for t in range(TOPICS) for i in range(8)]
    other = [cosine(topic_word(t, i), topic_word((t + 1) % TOPICS, i + 1)) for t in range(TOPICS) for i in range(8)]
    assert sum(same) / len(same) > sum(other) / len(other) + 0.2, (same, other)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
