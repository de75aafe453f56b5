# SPDX-License-Identifier: Apache-2.0
"""Keys and credentials of NATS, and certificates, made with nothing but openssl.

Source: github.com/nats-io/nkeys, github.com/nats-io/jwt."""

import base64
import json
import os
import subprocess

SEED, OPERATOR, ACCOUNT, USER = 18 << 3, 14 << 3, 0 << 3, 20 << 3


def openssl(*words, data=None):
    return subprocess.run(["openssl", *words], input=data, check=True, capture_output=True).stdout


def crc16(data):
    """XMODEM's, as nkeys have it."""
    crc = 0
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xffff
    return crc


def encode(data):
    return base64.b32encode(data + crc16(data).to_bytes(2, "little")).decode().rstrip("=")


def write_secret(path, text):
    with open(path, "w", encoding="ascii", opener=lambda p, flags: os.open(p, flags, 0o600)) as file:
        file.write(text)
    return path


class Key:
    """@kind: OPERATOR, ACCOUNT or USER."""

    def __init__(self, kind=USER):
        self.private = openssl("genpkey", "-algorithm", "ed25519", "-outform", "DER")
        public = openssl("pkey", "-inform", "DER", "-pubout", "-outform", "DER", data=self.private)
        self.public = encode(bytes([kind]) + public[-32:])
        self.seed = encode(bytes([SEED | kind >> 5, (kind & 31) << 3]) + self.private[-32:])

    def sign(self, directory, data):
        path = write_secret(os.path.join(directory, "to-sign"), data.decode())
        key = os.path.join(directory, "key.der")
        with open(key, "wb") as file:
            file.write(self.private)
        signature = openssl("pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", key, "-in", path)
        os.unlink(key)
        return signature

    def token(self, directory, name, subject, claims):
        """A JWT about `subject`, another's public key, signed by us."""
        def part(data):
            return base64.urlsafe_b64encode(data).rstrip(b"=")
        body = {"jti": name, "iat": 1, "iss": self.public, "sub": subject, "name": name, "nats": {"version": 2, **claims}}
        text = part(json.dumps({"typ": "JWT", "alg": "ed25519-nkey"}).encode()) + b"." + part(json.dumps(body).encode())
        return (text + b"." + part(self.sign(directory, text))).decode()


def make_nkey(path):
    """Writes what `nk -gen user -pubout` prints; gives the public key."""
    key = Key()
    write_secret(path, f"{key.seed}\n{key.public}\n")
    return key.public


class Operator:
    """An operator with one account for ilb: what a server's configuration says of them, and credentials of users."""

    def __init__(self, directory):
        self.directory, self.key, self.account, self.system = directory, Key(OPERATOR), Key(ACCOUNT), Key(ACCOUNT)
        limits = dict.fromkeys(("subs", "data", "payload", "imports", "exports", "conn", "leaf", "mem_storage",
                                "disk_storage", "streams", "consumer"), -1)
        operator = self.key.token(directory, "operator", self.key.public, {"type": "operator"})
        accounts = {key.public: self.key.token(directory, name, key.public, {
            "type": "account", "limits": dict(limits, wildcards=True) if name == "ilb" else {**limits, "mem_storage": 0,
                                                                                           "disk_storage": 0}})
            for name, key in (("ilb", self.account), ("system", self.system))}
        self.configuration = (f"operator: {operator}\nsystem_account: {self.system.public}\nresolver: MEMORY\n"
                              "resolver_preload: {\n" + "".join(f"  {a}: {jwt}\n" for a, jwt in accounts.items()) + "}\n")

    def credentials(self, name, may=None):
        """The file for --creds. @may: subjects that alone may be published and subscribed to; None: all."""
        key = Key()
        rights = {"allow": may} if may else {}
        jwt = self.account.token(self.directory, name, key.public, {
            "type": "user", "subs": -1, "data": -1, "payload": -1, "pub": rights, "sub": rights})
        return write_secret(os.path.join(self.directory, f"{name}.creds"),
                            f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
                            f"-----BEGIN USER NKEY SEED-----\n{key.seed}\n------END USER NKEY SEED------\n")


class Authority:
    """Of certificates."""

    def __init__(self, directory, name="ca"):
        self.directory, self.name = directory, name
        openssl("req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", self.path(f"{name}.key"), "-out",
                self.path(f"{name}.crt"), "-subj", f"/CN={name}", "-days", "2")

    def path(self, name):
        return os.path.join(self.directory, name)

    @property
    def certificate(self):
        return self.path(f"{self.name}.crt")

    def issue(self, name, alternative):
        """Gives (certificate, key), files. @alternative: as in subjectAltName."""
        paths = self.path(f"{name}.crt"), self.path(f"{name}.key")
        request = openssl("req", "-new", "-newkey", "ed25519", "-nodes", "-keyout", paths[1], "-subj", f"/CN={name}",
                          "-addext", f"subjectAltName={alternative}")
        openssl("x509", "-req", "-CA", self.certificate, "-CAkey", self.path(f"{self.name}.key"), "-CAcreateserial", "-days",
                "2", "-copy_extensions", "copy", "-out", paths[0], data=request)
        return paths
