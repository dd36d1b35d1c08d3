"""`voltrail serve` with TLS, as an operator starts it: a certificate made here, and a real process."""

import re
import signal
import ssl
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import httpx
import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.browser.serving import free_port
from tests.registry import sample
from tests.registry.conftest import postgres  # noqa: F401 - a fixture
from voltrail.cli import main
from voltrail.registry.settings import initialise

PAGE = {"Accept": "text/html", "Accept-Language": "en"}


def certificate(folder, name="one"):
    """Make a certificate for this machine that nobody else signed, and its key; return both files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "registry.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert, private = folder / f"{name}.crt", folder / f"{name}.key"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(cert), str(private)


def test_sign_in_over_tls(tmp_path, postgres):  # noqa: F811
    """Cookies that this host alone can set, HTTPS for a year, no word in the clear on that port."""
    cert, key = certificate(tmp_path)
    initialise(tmp_path / "data", sample.ORIGIN, [sample.authority().vkey])
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "voltrail.cli",
        "serve",
        "--data",
        tmp_path / "data",
        "--database",
        postgres(),
    ]
    command += ["--port", str(port), "--tls-cert", cert, "--tls-key", key]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        for line in server.stderr:
            if found := re.search(r"one-time password: (\S+)", line):
                break
        with httpx.Client(
            base_url=f"https://127.0.0.1:{port}",
            headers=PAGE,
            verify=ssl.create_default_context(cafile=cert),
            transport=httpx.HTTPTransport(verify=ssl.create_default_context(cafile=cert), retries=10),
        ) as client:
            page = client.get("/sign-in")
            assert page.headers["strict-transport-security"] == "max-age=31536000"
            csrf = re.search(r'name="csrf" value="([^"]*)"', page.text)[1]
            done = client.post("/sign-in", data={"csrf": csrf, "login": "admin", "password": found[1]})
            assert done.headers["location"] == "/accounts"
            assert {one.name for one in client.cookies.jar if one.value} == {"__Host-session"}
            assert all(one.secure and one.path == "/" for one in client.cookies.jar)
            assert client.get("/account").headers["location"] == "/account/password"
            planted = {"Cookie": f"session={client.cookies['__Host-session']}"}
            assert (
                httpx.get(
                    f"{client.base_url}/account",
                    headers=PAGE | planted,
                    verify=ssl.create_default_context(cafile=cert),
                ).headers["location"]
                == "/sign-in"
            )
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/sign-in")
    finally:
        server.send_signal(signal.SIGINT)
        server.stderr.close()
        server.wait(30)


@pytest.mark.parametrize("which", ["the key alone", "the certificate alone", "another key", "no key"])
def test_a_certificate_and_a_key_that_do_not_fit(tmp_path, which):
    """It is said before anything is opened, in words."""
    cert, key = certificate(tmp_path)
    other = certificate(tmp_path, "other")
    (tmp_path / "none").write_text("nothing")
    given = {
        "the key alone": ["--tls-key", key],
        "the certificate alone": ["--tls-cert", cert],
        "another key": ["--tls-cert", cert, "--tls-key", other[1]],
        "no key": ["--tls-cert", cert, "--tls-key", str(tmp_path / "none")],
    }[which]
    done = CliRunner().invoke(main, ["serve", "--data", str(tmp_path / "data"), *given])
    assert done.exit_code == 1
    assert "--tls-key" in done.output
    assert "Traceback" not in done.output
