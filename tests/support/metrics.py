# SPDX-License-Identifier: Apache-2.0
"""Metrics of our daemons, read as Prometheus reads them."""

import re
import urllib.request

SAMPLE = re.compile(r'^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z_]+)="((?:[^"\\]|\\.)*)"')


class Metrics:
    """What one GET said."""

    def __init__(self, text):
        self.text, self.samples, self.types = text, {}, {}
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                assert name not in self.types, f"{name} has two headings"
                self.types[name] = kind
            elif not line.startswith("#"):
                match = SAMPLE.match(line)
                assert match, f"not a sample: {line!r}"
                labels = frozenset(LABEL.findall(match[2] or ""))
                key = (match[1], labels)
                assert key not in self.samples, f"twice: {line}"
                self.samples[key] = float(match[3])

    def all(self, name, **labels):
        """The values of the samples of that name which have these labels."""
        wanted = set(labels.items())
        return [value for (own, its), value in self.samples.items()
                if own == name and wanted <= its]

    def __call__(self, name, **labels):
        values = self.all(name, **labels)
        assert len(values) == 1, f"{name} {labels}: {len(values)} samples\n{self.text}"
        return values[0]


def scrape(port, path="/metrics", timeout=10):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=timeout) as answer:
        return Metrics(answer.read().decode())
