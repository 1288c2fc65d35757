#!/usr/bin/env python3
"""Writes unicode_ranges.c: the letters, numbers and white space of Unicode 16.0.

usage: make_unicode_ranges.py [OUT_FILE]    (default: unicode_ranges.c beside this file;
needs the package unicodedata2==16.0.0)

16.0 is the version of the regular expressions of Hugging Face's tokenizers 0.23.
"""
import pathlib
import sys

import unicodedata2

WHITE_SPACE = [*range(0x09, 0x0E), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000]  # PropList.txt


def ranges(members):
    found = []
    for character in members:
        if found and found[-1][1] == character - 1:
            found[-1][1] = character
        else:
            found.append([character, character])
    return found


def table(name, members):
    items = [f"{{0x{first:X}, 0x{last:X}}}," for first, last in ranges(members)]
    lines = [f"const syl_range syl_{name}[] = {{"]
    line = "   "
    for item in items:
        if len(line) + 1 + len(item) > 100:
            lines.append(line)
            line = "   "
        line += " " + item
    return "\n".join(lines + [line, "};", f"const size_t syl_{name}_count = {len(items)};", ""])


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent / "unicode_ranges.c"
    assert unicodedata2.unidata_version == "16.0.0"
    of = {kind: [c for c in range(0x110000) if unicodedata2.category(chr(c))[0] == kind] for kind in "LN"}
    head = '/* Made by make_unicode_ranges.py from Unicode 16.0.0. */\n#include "embed/lm/unicode_ranges.h"\n'
    tables = [table("letters", of["L"]), table("numbers", of["N"]), table("spaces", WHITE_SPACE)]
    out.write_text("\n".join([head, "/* clang-format off */", *tables]))


if __name__ == "__main__":
    main()
