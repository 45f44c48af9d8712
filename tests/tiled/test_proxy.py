"""The configuration for a facility: two server processes behind nginx with TLS, over real HTTP."""

from __future__ import annotations

import datetime
import ipaddress
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tiled.client import from_uri

from .conftest import store_runs
from .facility import blocks, here, write_facility
from .test_access import ALICES, BOBS, runs

pytestmark = pytest.mark.xdist_group("facility")
TILED = str(Path(sys.executable).parent / "tiled")


def find_nginx():
    found = shutil.which("nginx", path=f"{os.environ['PATH']}{os.pathsep}/usr/sbin")
    if found is None and os.environ.get("CI"):
        pytest.fail("CI must test behind nginx: apt-get install nginx-light")
    if found is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    return found


def free_ports(n):
    with ExitStack() as bound:
        sockets = [bound.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(n)]
        return [each.getsockname()[1] for each in sockets]


def write_certificate(directory):
    """Write a key, and a certificate that it signed itself for this machine."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "runs.example.org")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    (directory / "runs.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (directory / "runs.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))


def write_nginx(directory, port, first, second):
    """Write the part of nginx that is in the page, and what a process of nginx needs besides."""
    (part,) = blocks("nginx")
    places = {
        "127.0.0.1:8001": f"127.0.0.1:{first}",
        "127.0.0.1:8002": f"127.0.0.1:{second}",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/certs/runs.example.org.pem": str(directory / "runs.pem"),
        "/etc/ssl/private/runs.example.org.key": str(directory / "runs.key"),
    }
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    own = [f"{kind}_temp_path {directory}/{kind};" for kind in kinds]
    user = "user root;" if os.geteuid() == 0 else ""
    lines = [user, "daemon off;", f"pid {directory}/nginx.pid;", "events {}", "http {", "access_log off;", *own]
    (directory / "nginx.conf").write_text("\n".join([*lines, here(part, places), "}"]))


@pytest.fixture(scope="module")
def facility(mongod_uri, tmp_path_factory):
    """Start what the page describes, and give the addresses and the processes."""
    import pymongo

    nginx = find_nginx()
    directory = tmp_path_factory.mktemp("facility")
    name = f"facility_{os.getpid()}"
    uri = mongod_uri.replace("/?", f"/{name}?")
    store_runs(uri, list(runs()))
    environment = {**os.environ, **write_facility(directory, uri)}
    write_certificate(directory)
    port, *ports = free_ports(3)
    write_nginx(directory, port, *ports)
    (unit,) = (line for line in blocks("ini")[0].splitlines() if line.startswith("ExecStart="))
    serve = unit.removeprefix("ExecStart=").replace("/opt/tiled/bin/tiled", TILED).replace("/etc/tiled", str(directory))
    (make,) = (line for line in blocks("console")[0].splitlines() if "admin initialize-database" in line)
    made = make.replace("# sudo -u tiled /opt/tiled/bin/tiled", TILED).replace("/var/lib/tiled", str(directory)).split()
    subprocess.run(made, check=True, capture_output=True, env=environment, timeout=60)
    proxy = [nginx, "-e", "stderr", "-p", str(directory), "-c", str(directory / "nginx.conf")]
    commands = [proxy, *(serve.replace("%i", str(each)).split() for each in ports)]
    addresses = [f"https://127.0.0.1:{port}", *(f"http://127.0.0.1:{each}" for each in ports)]
    trusted = ssl.create_default_context(cafile=str(directory / "runs.pem"))
    with ExitStack() as running:
        log = running.enter_context((directory / "log").open("w+"))

        def start(place):
            process = subprocess.Popen(commands[place], stdout=log, stderr=subprocess.STDOUT, env=environment)
            running.callback(process.kill)
            return process

        processes = [start(place) for place in range(3)]
        for place in (1, 2, 0):
            wait_for(addresses[place], trusted, directory)
        yield SimpleNamespace(
            addresses=addresses, processes=processes, trusted=trusted, directory=directory, start=start
        )
        for process in processes:
            end(process)
        assert processes[0].returncode == 0
        assert "Traceback" not in (directory / "log").read_text(), "all of them end cleanly"
    with pymongo.MongoClient(mongod_uri) as client:
        client.drop_database(name)


def end(process):
    process.terminate()
    process.wait(30)


def wait_for(address, trusted, directory, seconds=90):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if httpx.get(f"{address}/healthz", verify=trusted, timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError((directory / "log").read_text())


@pytest.fixture
def ask(facility):
    """Ask the proxy, a process or both: ``ask(0, "metadata/bmm", token)``."""
    with httpx.Client(verify=facility.trusted, timeout=60) as client:

        def ask(place, path, token=None, method="GET", **options):
            headers = {} if token is None else {"Authorization": token}
            client.cookies.clear()
            url = path if path.startswith("http") else f"{facility.addresses[place]}/api/v1/{path}"
            return client.request(method, url, headers=headers, **options)

        yield ask


def log_in(ask, place, user="ada"):
    form = {"grant_type": "password", "username": user, "password": "secret"}
    return ask(place, "auth/provider/facility/token", method="POST", data=form).json()


def make_key(ask, place, token):
    made = ask(place, "auth/apikey", token, method="POST", json={"scopes": ["inherit"], "expires_in": 600})
    assert made.status_code == 200, made.text
    return made.json()


def test_who_logged_in_at_one_process_is_known_to_all(ask):
    for place in range(3):
        tokens = log_in(ask, place, "alice")
        for other in range(3):
            token = f"Bearer {tokens['access_token']}"
            assert ask(other, "auth/whoami", token).json()["identities"][0]["id"] == "alice"
            assert ask(other, f"metadata/bmm/{ALICES}", token).status_code == 200
            assert ask(other, f"metadata/bmm/{BOBS}", token).status_code == 404
            assert ask(other, f"metadata/bmm/{ALICES}").status_code in (401, 404)
            renewed = ask(
                other, "auth/session/refresh", method="POST", json={"refresh_token": tokens["refresh_token"]}
            ).json()
            assert ask(place, f"metadata/bmm/{ALICES}", f"Bearer {renewed['access_token']}").status_code == 200


def test_a_key_made_at_one_process_is_taken_and_revoked_at_another(ask):
    token = f"Bearer {log_in(ask, 1)['access_token']}"
    key = make_key(ask, 1, token)
    assert ask(2, f"metadata/bmm/{BOBS}", f"Apikey {key['secret']}").status_code == 200
    assert ask(2, "auth/apikey", token, method="DELETE", params={"first_eight": key["first_eight"]}).status_code == 204
    assert ask(1, f"metadata/bmm/{BOBS}", f"Apikey {key['secret']}").status_code == 401


def test_links_go_through_the_proxy(ask, facility):
    token = f"Bearer {log_in(ask, 0)['access_token']}"
    found, url, proxy = [], "search/bmm?page[limit]=1", facility.addresses[0]
    while url is not None:
        page = ask(0, url, token).json()
        found += [each["id"] for each in page["data"]]
        links = [*page["links"].values(), *(link for each in page["data"] for link in each["links"].values())]
        assert all(link.startswith(f"{proxy}/api/v1/") for link in links if link is not None), links
        url = page["links"]["next"]
    assert len(found) == len({*found}) == 3
    about = ask(0, "").json()
    assert about["links"]["self"] == f"{proxy}/api/v1"
    provider = about["authentication"]["providers"][0]
    assert provider["links"]["auth_endpoint"].startswith(proxy)


def test_the_first_page_is_that_of_the_runs(ask, facility):
    first = ask(0, f"{facility.addresses[0]}/")
    assert (first.status_code, first.headers["Location"]) == (302, f"{facility.addresses[0]}/ui/")
    assert "<html" in ask(0, first.headers["Location"]).text


@pytest.mark.parametrize(
    "path", ["ui//etc/passwd", "ui/%2e%2e/%2e%2e/etc/passwd", "ui/..%2fetc/passwd", "ui/%2fetc/passwd"]
)
def test_no_other_file_is_handed_out(facility, path):
    port = facility.addresses[0].rpartition(":")[2]
    connecting = socket.create_connection(("127.0.0.1", int(port)))
    with connecting as plain, facility.trusted.wrap_socket(plain, server_hostname="127.0.0.1") as sent:
        sent.sendall(f"GET /{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: sent.recv(65536), b""))
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400")), answer
    assert b"root:" not in answer


def test_a_client_reads_through_the_proxy(ask, facility):
    token = f"Bearer {log_in(ask, 0)['access_token']}"
    key = make_key(ask, 0, token)["secret"]
    client = from_uri(f"{facility.addresses[0]}/api/v1", api_key=key, verify=facility.trusted)
    try:
        assert client["bmm"][ALICES]["primary"].read()["n"].values.tolist() == [0, 1, 2, 3, 4]
    finally:
        client.context.http_client.close()


def test_others_answer_for_a_process_that_ended(ask, facility):
    token = f"Bearer {log_in(ask, 0)['access_token']}"
    end(facility.processes[1])
    try:
        assert [ask(0, f"metadata/bmm/{ALICES}", token).status_code for _ in range(4)] == [200] * 4
    finally:
        facility.processes[1] = facility.start(1)
        wait_for(facility.addresses[1], facility.trusted, facility.directory)
    assert ask(1, f"metadata/bmm/{ALICES}", token).status_code == 200
