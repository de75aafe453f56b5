# SPDX-License-Identifier: Apache-2.0
"""As much of protobuf as tests say and read. Source: protobuf.dev/programming-guides/encoding, messages/ilb.proto."""

import struct


def varint(number):
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, str):
        value = value.encode()
    return varint(number << 3 | 2) + varint(len(value)) + value


def fixed64(number, value):
    return varint(number << 3 | 1) + struct.pack("<Q", value)


def fields(data):
    """(number, value) of each field: ints, and bytes."""
    position = 0

    def number():
        nonlocal position
        value = shift = 0
        while True:
            byte = data[position]
            position += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while position < len(data):
        key = number()
        if key & 7 == 0:
            yield key >> 3, number()
        elif key & 7 == 1:
            yield key >> 3, struct.unpack_from("<Q", data, position)[0]
            position += 8
        else:
            size = number()
            yield key >> 3, data[position:position + size]
            position += size


class Status:
    """What an agent says of a Network."""

    NUMBERS = {3: "epoch", 4: "revision", 5: "digest", 8: "n_refused", 10: "applied_at"}

    def __init__(self, data):
        self.node = self.net = ""
        self.epoch, self.revision, self.digest, self.n_refused, self.applied_at = b"", 0, 0, 0, 0
        self.addresses = []
        self.refusals = {}    # uid -> sentence
        self.conditions = {}  # reason -> sentence
        for number, value in fields(data):
            self.take(number, value)

    def take(self, number, value):
        if number in self.NUMBERS:
            setattr(self, self.NUMBERS[number], value)
        elif number == 1:
            self.node = value.decode()
        elif number == 2:
            self.net = value.decode()
        elif number == 6:
            self.addresses.append(value)
        elif number == 7:
            said = dict(fields(value))
            self.refusals[said[1]] = said[2].decode()
        elif number == 9:
            said = dict(fields(value))
            self.conditions[said[1].decode()] = said[2].decode()
