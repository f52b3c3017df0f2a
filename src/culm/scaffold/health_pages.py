"""The page by which a service says that it is well, as its code has it: a route, or a file that is one.

A page that is not there ends a deploy, so what only looks like a route is none: an address that the code asks, a
socket's, what a front end has. Where the code puts routers under prefixes, a router's own route is asked for, and any
answer counts.
"""

import re
from pathlib import Path, PurePosixPath

from culm.core.model.record import record
from culm.scaffold.sources import Sources

WORDS = r"healthz?|health[-_]?check|livez?|liveness|readyz?|readiness|ping|_?status|up|heartbeat|alive"
ROUTE = re.compile(rf"[\"'`(]((?:/[\w.-]+)*/(?:{WORDS})/?)[\"'`)]")
ORDER = ("healthz", "health", "heartbeat", "live", "ready", "ping", "status", "alive", "up")
NO_ROUTE = re.compile(
    r"(?:\bfetch|\baxios(?:\.\w+)?|\brequests\.\w+|\bhttpx\.\w+|\bhttp\.(?:Get|get)|\bcurl\b.*|[Ss]ocket|\burl\s*:|\bhref\s*[=:]|"
    r"silence_healthcheck_path\s*=|[A-Z]_(?:ENDPOINT|URL|PATH)\s*=|\+|==)[\s(]*$|^\s*(?:#|//)"
)
"""What is before an address that no route of this service has, on its line."""
BROWSER = frozenset({"assets", "client", "frontend", "public", "static", "sdk", "www"})
"""Folders of what runs in browsers, where they are not the service's own folder."""
NO_CODE = (".yml", ".yaml", ".json", ".toml", ".sh")
RAILS = re.compile(r"[\"']/?(?P<page>[\w/-]+)[\"']\s*(?:=>|,\s*to:)\s*[\"']rails/health#show[\"']")
"""https://guides.rubyonrails.org/configuring.html has it in `config/routes.rb`."""
NEXT_FILE = re.compile(r"^(?:src/)?(?:app/(?P<app>.+)/route|pages/(?P<pages>api/.+?)(?:/index)?)\.[jt]sx?$")
"""A folder is a part of the path, but for (groups).

https://nextjs.org/docs/app/api-reference/file-conventions/route
"""
ROUTER = re.compile(r"(?:@|\b)(?P<receiver>\w+)\s*\.\s*(?:get|route|all|add_api_route|use)\s*\(\s*$")
APPLICATIONS = re.compile(r"app\w*|application|server|fastify|api|mux|http|r|e", re.IGNORECASE)
PREFIXES = re.compile(
    r"include_router\([^)]*prefix\s*=|APIRouter\([^)]*prefix\s*=|\burl_prefix\s*=|\b\w+\.use\(\s*[\"']/[\w-][^\"']*[\"']\s*,\s*(?!express)"
)
"""What puts a router's routes under a prefix: FastAPI, Flask, Express."""


@record
class HealthPage:
    """Where a service is asked how it is."""

    page: str
    why: str
    certain: bool = True
    """Whether the page is there for sure; else any answer has to count."""


def of_code(sources: Sources) -> HealthPage | None:
    """Return the page by which a service says that it is well; None where its code shows none."""
    if "spring-boot-starter-actuator" in "\n".join(sources.dependencies.values()):
        return HealthPage(page="/actuator/health", why="Spring's actuator")
    pages: dict[str, HealthPage] = {}
    next_js = any('"next"' in text for text in sources.dependencies.values())
    prefixed = any(PREFIXES.search(text) for path, text in sources.code.items() if is_server_code(path))
    for path, text in sources.code.items():
        if not is_server_code(path):
            continue
        if next_js and (page := of_file(path)):
            pages.setdefault(page, HealthPage(page=page, why=f"by {path}"))
        if match := RAILS.search(text):
            pages.setdefault(f"/{match['page']}", HealthPage(page=f"/{match['page']}", why=f"by {path}"))
        for match in ROUTE.finditer(text):
            line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
            if NO_ROUTE.search(line):
                continue
            of_blueprint = line.endswith("url_prefix=")  # its own route is /, so its page ends with it
            page = f"{match[1].rstrip('/')}/" if of_blueprint else match[1]
            certain = of_blueprint or not (prefixed and is_of_router(line))
            pages.setdefault(page, HealthPage(page=page, why=f"by {path}", certain=certain))
    for word in ORDER:
        for page, known in pages.items():
            if word in page.rstrip("/").rpartition("/")[2]:
                return known
    return None


def is_server_code(path: str) -> bool:
    """Return whether a file may have a server's routes."""
    parts = PurePosixPath(path).parts
    return PurePosixPath(path).suffix not in NO_CODE and not BROWSER & {part.lower() for part in parts[:-1]}


def is_of_router(line: str) -> bool:
    """Return whether what is before a route adds it to a router, not to the application."""
    match = ROUTER.search(line)
    return match is not None and APPLICATIONS.fullmatch(match["receiver"]) is None


def of_file(path: str) -> str:
    """Return the page of a route that is a file of Next.js; empty where its name is none of health's."""
    match = NEXT_FILE.match(path)
    if match is None:
        return ""
    parts = [part for part in Path(match["app"] or match["pages"]).parts if not part.startswith("(")]
    return "/" + "/".join(parts) if re.fullmatch(WORDS, parts[-1] if parts else "") else ""
