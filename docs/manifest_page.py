#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""manifest_page.py < docs/api.md: the man page ilb-manifest(5). Knows as much Markdown as that page is written in."""

import re
import sys
import textwrap

HEAD = """.\\" SPDX-License-Identifier: Apache-2.0
.\\" Made of docs/api.md by docs/manifest_page.py.
.Dd November 23, 2026
.Dt ILB-MANIFEST 5
.Os
.Sh NAME
.Nm ilb-manifest
.Nd objects of internal load balancers, as ilb apply reads them
.Sh DESCRIPTION"""
FOOT = """.Sh SEE ALSO
.Xr ilb 1 ,
.Xr ilb-allocator 8"""


def escape(text):
    """So that nothing is a macro or an escape."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in (".", "'") else text


def inline(text):
    """Code, bold and italics are bold; of links the words stay."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text.replace("\\|", "|"))
    return escape(re.sub(r"\*\*(.*?)\*\*|`([^`]*)`|\*(\w+)\*", lambda m: f"\x01{m[1] or m[2] or m[3]}\x02", text)).replace(
        "\x01", "\\fB").replace("\x02", "\\fP")


def cells(line):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def table(lines):
    """A row is an item: its first cell, its second where it is short, and below what is left."""
    yield ".Bl -tag -width Ds"
    for line in lines[2:]:
        first, *rest = cells(line)
        tag = [first or "and"]
        if len(rest) > 1 and len(rest[0]) <= 20:
            tag.append(f"({rest.pop(0)})" if rest[0] else "")
        yield ".It " + " ".join(inline(word) for word in tag if word)
        yield inline(" ".join(rest)) or "\\&"
    yield ".El"


def code(text):
    yield ".Bd -literal -offset indent"
    yield from (escape(line) for line in textwrap.dedent(text).splitlines())
    yield ".Ed"


def listing(lines):
    yield ".Bl -bullet -compact"
    for line in lines:
        if line.startswith("- "):
            yield ".It"
        yield inline(line.removeprefix("- ").strip())
    yield ".El"


def page(text):
    fenced = re.split(r"^ *```\w*\n(.*?)^ *```$", re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL), flags=re.DOTALL | re.MULTILINE)
    for number, part in enumerate(fenced):
        if number % 2:
            yield from code(part)
            continue
        for block in re.split(r"\n\s*\n", part):
            lines = [line for line in block.splitlines() if line.strip()]
            if lines:
                yield from prose(lines)


def prose(lines):
    if lines[0].startswith("# "):
        return
    if lines[0].startswith("## "):
        yield ".Sh " + escape(lines[0][3:].upper())
    elif lines[0].startswith("### "):
        yield ".Ss " + escape(lines[0][4:])
    elif lines[0].startswith("|"):
        yield from table(lines)
    elif lines[0].startswith("- "):
        yield from listing(lines)
    else:
        yield ".Pp"
        yield from (inline(line) for line in lines)


def main():
    print(HEAD)
    # mdoc: no paragraph right behind a heading
    body = "\n".join(page(sys.stdin.read()))
    print(re.sub(r"(^\.S[hs] .*\n)\.Pp\n|\A\.Pp\n", r"\1", body, flags=re.MULTILINE))
    print(FOOT)


main()
