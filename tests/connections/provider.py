"""
A small identity provider behind a real socket: an honest one, which can be told to be slow, wrong or a liar.

It knows nothing of our code: codes, PKCE and signatures are made from the standards.
"""

import json
import secrets
import threading
import time
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import httpx
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

CLIENT, SECRET = "voltrail-client", "a:secret/with+signs"


def encode(data):
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def integer(number):
    return encode(number.to_bytes((number.bit_length() + 7) // 8, "big"))


class Key:
    """A signing key: RS256, ES256 or Ed25519."""

    def __init__(self, algorithm="ES256", kid=None):
        self.algorithm, self.kid = algorithm, kid or secrets.token_hex(4)
        self.private = {
            "RS256": lambda: rsa.generate_private_key(65537, 2048),
            "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
            "Ed25519": ed25519.Ed25519PrivateKey.generate,
        }[algorithm]()

    def sign(self, data):
        if self.algorithm == "RS256":
            return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        if self.algorithm == "ES256":
            r, s = decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return self.private.sign(data)

    @property
    def jwk(self):
        public = self.private.public_key()
        if self.algorithm == "RS256":
            numbers = public.public_numbers()
            members = {"kty": "RSA", "n": integer(numbers.n), "e": integer(numbers.e)}
        elif self.algorithm == "ES256":
            numbers = public.public_numbers()
            x, y = (encode(one.to_bytes(32, "big")) for one in (numbers.x, numbers.y))
            members = {"kty": "EC", "crv": "P-256", "x": x, "y": y}
        else:
            raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            members = {"kty": "OKP", "crv": "Ed25519", "x": encode(raw)}
        return {**members, "kid": self.kid, "use": "sig", "alg": self.algorithm}


class SmallProvider:
    """
    An identity provider on loopback that signs everybody in as `person`.

    What it does wrong is set on it: `claims` and `header` of tokens, `published`, `answers` to a path in
    place of its own, `trusting` (codes twice, without PKCE), `slow_s` before each answer.
    """

    def __init__(self):
        self.person = {"sub": "subject-1", "preferred_username": "wang@example"}
        self.keys, self.codes, self.asked = [Key()], {}, []
        self.client = CLIENT
        self.reset()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                provider.answer(self, None)

            def do_POST(self):
                provider.answer(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"

    def reset(self):
        """Be honest again."""
        self.claims, self.header, self.published, self.answers = {}, {}, {}, {}
        self.trusting, self.slow_s, self.ahead_s, self.basic = False, 0, 0, True
        self.sign = lambda key, data: key.sign(data)

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def answer(self, to, body):
        path, query = urlsplit(to.path).path, parse_qs(urlsplit(to.path).query)
        self.asked.append(path)
        time.sleep(self.slow_s)
        headers = {"Content-Type": "application/json"}
        if path in self.answers:
            status, content = self.answers[path]
        elif path == "/.well-known/openid-configuration":
            status, content = 200, json.dumps(self._about()).encode()
        elif path == "/keys":
            status, content = 200, json.dumps({"keys": [key.jwk for key in self.keys]}).encode()
        elif path == "/authorize":
            status, content = 302, b""
            headers["Location"] = self._approve({name: value[0] for name, value in query.items()})
        elif path == "/token" and body is not None:
            form = {name: value[0] for name, value in parse_qs(body.decode()).items()}
            status, content = self._redeem(form, to.headers.get("Authorization", ""))
        else:
            status, content = 404, b""
        try:
            to.send_response(status)
            for name, value in headers.items():
                to.send_header(name, value)
            to.send_header("Content-Length", str(len(content)))
            to.end_headers()
            to.wfile.write(content)
        except OSError:
            pass  # whoever asked has given up

    def _about(self):
        method = "client_secret_basic" if self.basic else "client_secret_post"
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "token_endpoint_auth_methods_supported": [method],
            "authorization_response_iss_parameter_supported": True,
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        } | self.published

    def _approve(self, asked):
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split()
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"], "iss": self.issuer}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def _redeem(self, form, authorization):
        if self.basic:
            pair = b64decode(authorization.partition(" ")[2]).decode().split(":")
            client = [unquote(one) for one in pair]
        else:
            client = [form.get("client_id"), form.get("client_secret")]
        if client != [self.client, SECRET]:
            return 401, b'{"error":"invalid_client"}'
        code = form.get("code", "")
        asked = self.codes.get(code) if self.trusting else self.codes.pop(code, None)
        verified = encode(sha256(form.get("code_verifier", "").encode()).digest())
        if asked is None or form["redirect_uri"] != asked["redirect_uri"]:
            return 400, b'{"error":"invalid_grant"}'
        if not self.trusting and asked["code_challenge"] != verified:
            return 400, b'{"error":"invalid_grant"}'
        return 200, json.dumps(
            {"access_token": "x", "token_type": "Bearer", "id_token": self.token(asked["nonce"])}
        ).encode()

    def token(self, nonce):
        """Return an id token, as honest as it is told to be."""
        now, key = int(time.time()) + self.ahead_s, self.keys[-1]
        claims = {"iss": self.issuer, "aud": self.client, "exp": now + 300, "iat": now, "nonce": nonce}
        claims |= self.person | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": key.algorithm, "kid": key.kid, "typ": "JWT"} | self.header
        header = {name: value for name, value in header.items() if value is not None}
        signed = f"{encode(json.dumps(header).encode())}.{encode(json.dumps(claims).encode())}"
        return f"{signed}.{encode(self.sign(key, signed.encode()))}"

    def visit(self, address):
        """Go to the provider as a browser does; return where it sends people back to."""
        return httpx.get(address).headers["location"]


def hmac_with(secret):
    """Return how to sign with a secret of everybody's: with a public key taken for one, for instance."""

    def sign(_, data):
        mac = hmac.HMAC(secret, hashes.SHA256())
        mac.update(data)
        return mac.finalize()

    return sign


def decoded(part):
    return json.loads(urlsafe_b64decode(part + "=="))
