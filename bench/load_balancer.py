"""What the load balancer's behaviour costs: HAProxy as culm configures it beside the smallest configuration by hand.

    .venv/bin/python bench/load_balancer.py [--rounds 7] [--seconds 3] [--haproxy /usr/sbin/haproxy] [--also caddy ...]

Both have the same four routes by path and one target each, two threads, 32 kept-alive connections, HTTP and HTTPS. The
target is a HAProxy of its own that answers at once. The proxies take turns within a round, so that a ratio compares
neighbours in time; the figure is the median of rounds. Beside requests a second stands what one costs the proxy's
processor, which is steadier on a machine with other work. `--also` names programs of others on PATH (caddy, nginx,
traefik) that are given the same routes. Needs wrk (`apt install wrk`). Budget: 0.9 of the one by hand.
"""

import argparse
import asyncio
import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.cluster.balancer.test_tls import a_pem
from tests.traffic import a_group, a_listener, a_rule, eventually, forward, free_port, on_path

from culm.cluster.balancer.haproxy import binary
from culm.cluster.balancer.haproxy.plane import HaproxyPlane
from culm.cluster.balancer.interface import Target, Tls

BUDGET = 0.9
SERVICES = ("api", "auth", "img", "web")
CONNECTIONS = 32
Ports = dict[str, int]
"""By scheme."""


class Proxy:
    """A proxy that listens on `ports`; its processes are those of `folder`."""

    def __init__(self, name: str, ports: Ports, pids: Callable[[], list[int]]) -> None:
        self.name, self.ports, self.pids = name, ports, pids
        self.rates: dict[str, list[float]] = {}
        self.costs: dict[str, list[float]] = {}


def cpu_ns(pids: list[int]) -> int:
    """That the processes took so far, all their threads together. Linux only."""
    total = 0
    for pid in pids:
        for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):
                total += int(path.read_text().split()[0])
    return total


def descendants(pid: int) -> list[int]:
    table = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
    parents = [tuple(map(int, line.split())) for line in table.splitlines()]
    known = [pid]
    for each in known:
        known += [child for child, parent in parents if parent == each]
    return known


@contextlib.contextmanager
def process(command: list[str], folder: Path, **more: str) -> Iterator[int]:
    with (folder / "log").open("ab") as log:
        started = subprocess.Popen(
            command, cwd=folder, stdout=log, stderr=log, env={**os.environ, **more}, start_new_session=True
        )
    try:
        yield started.pid
    finally:
        started.terminate()
        started.wait()


def backend_configuration(port: int) -> str:
    return f"""global
    nbthread 1
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 5s
frontend target
    bind 127.0.0.1:{port}
    http-request return status 200 content-type text/plain string ok
"""


def by_hand(ports: Ports, target: int, pem: str) -> str:
    """The least that has the same routes."""
    rules = "".join(f"    use_backend {name} if {{ path_beg /{name}/ }}\n" for name in SERVICES[:-1])
    backends = "".join(f"backend {name}\n    server one 127.0.0.1:{target}\n" for name in SERVICES)
    return f"""global
    nbthread 2
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 5s
frontend entry
    bind 127.0.0.1:{ports["http"]}
    bind 127.0.0.1:{ports["https"]} ssl crt {pem} alpn h2,http/1.1
{rules}    default_backend {SERVICES[-1]}
{backends}"""


def caddyfile(ports: Ports, target: int, pem: str) -> str:
    routes = "\n".join(f"handle /{name}/* {{\n reverse_proxy 127.0.0.1:{target}\n}}" for name in SERVICES[:-1])
    routes += f"\nhandle {{\n reverse_proxy 127.0.0.1:{target}\n}}"
    return f"""{{
 admin off
 auto_https off
}}
http://127.0.0.1:{ports["http"]} {{
{routes}
}}
https://127.0.0.1:{ports["https"]} {{
tls {pem} {pem}
{routes}
}}
"""


def nginx_configuration(ports: Ports, target: int, pem: str) -> str:
    locations = "".join(f"location /{name}/ {{ proxy_pass http://target; }}\n" for name in SERVICES[:-1])
    return f"""daemon off;
pid nginx.pid;
error_log stderr;
worker_processes 2;
events {{ worker_connections 1024; }}
http {{
access_log off;
client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
keepalive_requests 100000000;
upstream target {{ server 127.0.0.1:{target}; keepalive 64; keepalive_requests 100000000; }}
server {{
listen 127.0.0.1:{ports["http"]};
listen 127.0.0.1:{ports["https"]} ssl;
ssl_certificate {pem}; ssl_certificate_key {pem};
proxy_http_version 1.1; proxy_set_header Connection "";
{locations}location / {{ proxy_pass http://target; }}
}} }}
"""


def traefik_files(ports: Ports, target: int, pem: str, folder: Path) -> list[str]:
    routers = {
        f"{name}{'s' if secure else ''}": {
            "rule": f"PathPrefix(`/{name}/`)" if name != SERVICES[-1] else "PathPrefix(`/`)",
            "service": "target",
            "entryPoints": ["https" if secure else "http"],
            **({"tls": {}} if secure else {}),
        }
        for name in SERVICES
        for secure in (False, True)
    }
    dynamic = {
        "http": {
            "routers": routers,
            "services": {"target": {"loadBalancer": {"servers": [{"url": f"http://127.0.0.1:{target}"}]}}},
        },
        "tls": {"certificates": [{"certFile": pem, "keyFile": pem}]},
    }
    (folder / "dynamic.json").write_text(json.dumps(dynamic))  # JSON is YAML
    (folder / "dynamic.yml").write_text(json.dumps(dynamic))
    return [
        f"--entrypoints.http.address=127.0.0.1:{ports['http']}",
        f"--entrypoints.https.address=127.0.0.1:{ports['https']}",
        "--providers.file.filename=dynamic.yml",
        "--log.level=ERROR",
    ]


def new_ports() -> Ports:
    return {"http": free_port(), "https": free_port()}


def folder_of(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir()
    return made


def others(name: str, parent: Path, target: int, pem: str, stack: contextlib.ExitStack) -> Proxy:
    folder, ports = folder_of(parent, name), new_ports()
    program = shutil.which(name)
    assert program is not None
    if name == "caddy":
        (folder / "Caddyfile").write_text(caddyfile(ports, target, pem))
        command = [program, "run"]
    elif name == "nginx":
        (folder / "nginx.conf").write_text(nginx_configuration(ports, target, pem))
        command = [program, "-p", str(folder), "-c", "nginx.conf"]
    else:
        command = [program, *traefik_files(ports, target, pem, folder)]
    pid = stack.enter_context(process(command, folder, GOMAXPROCS="2", HOME=str(folder)))
    return Proxy(name, ports, lambda: descendants(pid))


def wrk(url: str, seconds: float) -> tuple[int, float]:
    """Requests that were answered, and how many a second. Ends the bench when one was answered wrongly."""
    command = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds:g}s", url]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in text or "Socket errors" in text:
        sys.exit(f"{url}: {text}")
    requests, rate = re.search(r"(\d+) requests in", text), re.search(r"Requests/sec: +([\d.]+)", text)
    assert requests and rate, text
    return int(requests[1]), float(rate[1])


def measure(proxy: Proxy, scheme: str, seconds: float) -> None:
    url = f"{scheme}://127.0.0.1:{proxy.ports[scheme]}/img/a"
    pids = proxy.pids()
    before = cpu_ns(pids)
    requests, rate = wrk(url, seconds)
    proxy.rates.setdefault(scheme, []).append(rate)
    proxy.costs.setdefault(scheme, []).append((cpu_ns(pids) - before) / requests / 1000)


def relays(folder: Path) -> list[int]:
    """The process that terminates TLS in front of culm's HAProxy, where there is one."""
    listed = subprocess.run(["pgrep", "-f", "balancer.tls.relay"], capture_output=True, text=True).stdout.split()
    return [int(each) for each in listed if Path(f"/proc/{each}/cwd").resolve() == folder.resolve()]


async def answers(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def run(chosen: argparse.Namespace) -> int:
    certificate, executable = a_pem("bench.example.com"), Path(chosen.haproxy or binary.find())
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as stack:
        parent, target = Path(temporary), free_port()
        pem = parent / "bench.pem"
        pem.write_text(certificate.pem)
        behind = folder_of(parent, "target")
        (behind / "lb.cfg").write_text(backend_configuration(target))
        stack.enter_context(process([str(executable), "-db", "-f", "lb.cfg"], behind))

        hand, ports = folder_of(parent, "hand"), new_ports()
        (hand / "lb.cfg").write_text(by_hand(ports, target, str(pem)))
        pid = stack.enter_context(process([str(executable), "-db", "-f", "lb.cfg"], hand))
        proxies = [Proxy("by hand", ports, lambda: descendants(pid))]

        ours = new_ports()
        plane = HaproxyPlane(parent / "culm", executable=executable)
        await plane.start()
        if chosen.own_tls:
            plane._front = None
        rules = [a_rule(n, on_path(f"/{name}/*"), action=forward(name)) for n, name in enumerate(SERVICES[:-1], 1)]
        rules.append(a_rule(None, action=forward(SERVICES[-1])))
        groups = [a_group(name, Target(address="127.0.0.1", port=target)) for name in SERVICES]
        listeners = [
            a_listener(ours["http"], *rules),
            a_listener(ours["https"], *rules, tls=Tls(certificates=(certificate,))),
        ]
        outcome = await plane.apply(listeners, groups)
        if outcome.ports:
            sys.exit(f"culm does not serve them all: {outcome}")
        master = int((plane.folder / "haproxy.pid").read_text().split()[0])
        proxies.append(Proxy("culm", ours, lambda: [*descendants(master), *relays(plane.folder)]))
        proxies += [others(name, parent, target, str(pem), stack) for name in chosen.also]
        try:
            for proxy in proxies:
                for port in proxy.ports.values():
                    await eventually(lambda port=port: answers(port))
            await asyncio.sleep(1)
            for _ in range(chosen.rounds):
                for scheme in ("http", "https"):
                    for proxy in proxies:
                        await asyncio.to_thread(measure, proxy, scheme, chosen.seconds)
        finally:
            await plane.stop()
    return report(proxies)


def report(proxies: list[Proxy]) -> int:
    print("| proxy | scheme | requests/s | ratio to by hand | µs of CPU a request | ratio |")
    print("|---|---|---|---|---|---|")
    missed = 0
    for scheme in ("http", "https"):
        for proxy in proxies:
            rates, costs = proxy.rates[scheme], proxy.costs[scheme]
            ratio = statistics.median(a / b for a, b in zip(rates, proxies[0].rates[scheme], strict=True))
            cost = statistics.median(a / b for a, b in zip(costs, proxies[0].costs[scheme], strict=True))
            figures = f"{statistics.median(rates):.0f} | {ratio:.2f} | {statistics.median(costs):.1f} | {cost:.2f}"
            print(f"| {proxy.name} | {scheme} | {figures} |")
            missed += proxy.name == "culm" and ratio < BUDGET
    return 1 if missed else 0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--seconds", type=float, default=3.0, help="of each turn")
    options.add_argument("--haproxy", help="the HAProxy for both; else culm's")
    options.add_argument("--own-tls", action="store_true", help="HAProxy decrypts, whatever its library's age")
    options.add_argument("--also", nargs="*", default=[], choices=["caddy", "nginx", "traefik"])
    chosen = options.parse_args()
    for program in ("wrk", *chosen.also):
        if shutil.which(program) is None:
            options.error(f"{program} is not on PATH")
    sys.exit(asyncio.run(run(chosen)))


if __name__ == "__main__":
    main()
