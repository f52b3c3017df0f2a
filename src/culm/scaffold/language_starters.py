"""Dockerfiles for servers in Ruby, PHP, Elixir, Rust, Java and C#, and for a front end that is only built.

Each is written where the files of the language name a framework that serves, as a Procfile's `web:` does elsewhere.
"""

import re
from collections.abc import Sequence

from culm.scaffold import guess
from culm.scaffold.sources import Sources
from culm.scaffold.starter_file import Starter, file, port


def install(packages: Sequence[str]) -> str:
    """Return the line that installs Debian's packages."""
    return (
        f"RUN apt-get update && apt-get install -y --no-install-recommends {' '.join(packages)} "
        "&& rm -rf /var/lib/apt/lists/*\n"
    )


def first(pattern: str, text: str, otherwise: str) -> str:
    """Return what a pattern's group matches in a text."""
    match = re.search(pattern, text, re.MULTILINE)
    return match[1] if match is not None else otherwise


GEM_PACKAGES = (("pg", "libpq-dev"), ("mysql2", "default-libmysqlclient-dev"), ("sqlite3", "libsqlite3-dev"))


def ruby(sources: Sources) -> Starter | None:
    """Return a Dockerfile for Rails or another server of Rack; None where there is neither."""
    gems = sources.text("Gemfile")
    alone = not gems and "require 'sinatra'" in "".join(sources.code.values()).replace('"', "'")
    rails = re.search(r"^\s*gem\s+[\"']rails[\"']", gems, re.MULTILINE) is not None
    if (not rails and not sources.has("config.ru")) or not (gems or alone):
        return None
    version = first(r"(\d\.\d+)", sources.text(".ruby-version"), first(r"^ruby\s+[\"'][~>= ]*(\d\.\d+)", gems, "3.3"))
    has = [package for gem, package in GEM_PACKAGES if re.search(rf"gem\s+[\"']{gem}[\"']", gems)]
    lines = f"FROM ruby:{version}-slim\nWORKDIR /app\n{install(['build-essential', 'git', 'libyaml-dev', *has])}"
    if alone:
        command = "rackup -I . -o 0.0.0.0 -p $PORT"
        lines += "RUN gem install sinatra puma rackup\nCOPY . .\n"
    else:
        puma = re.search(r"gem\s+[\"']puma[\"']", gems) is not None
        server = "puma -b tcp://0.0.0.0:$PORT" if puma else "rackup -o 0.0.0.0 -p $PORT"
        command = "bundle exec " + ("rails server -b 0.0.0.0 -p $PORT" if rails else server)
        lines += "COPY Gemfile* ./\nRUN bundle install\nCOPY . .\n"
    if rails:
        lines += "ENV RAILS_ENV=production RAILS_LOG_TO_STDOUT=1 RAILS_SERVE_STATIC_FILES=1\n"
        if sources.has("app/assets"):
            lines += "RUN SECRET_KEY_BASE_DUMMY=1 bundle exec rails assets:precompile\n"
    listens = port(sources, command)
    return Starter(
        text=file(lines, listens, command), why="Gemfile" if gems else "config.ru", command=command, port=listens
    )


def php(sources: Sources) -> Starter | None:
    """Return a Dockerfile for Laravel behind Apache, from its public folder; None where there is no Laravel."""
    packages = sources.text("composer.json")
    if not sources.has("artisan") or "laravel/framework" not in packages:
        return None
    named = re.findall(r"(\d\.\d)", first(r"\"php\"\s*:\s*\"([^\"]*)\"", packages, "8.3"))
    version = max(named or ["8.3"])
    version = "7.4" if version.startswith(("5", "7")) else version
    drivers = "RUN docker-php-ext-install pdo_mysql\n"
    engine = guess.database(sources)
    if engine is not None and engine.value == "postgres":
        drivers = install(["libpq-dev"]) + "RUN docker-php-ext-install pdo_pgsql\n"
    assets = ""
    if '"build"' in sources.text("package.json"):
        assets = "FROM node:22-slim AS assets\nWORKDIR /app\nCOPY . .\nRUN npm install && npm run build\n\n"
    text = (
        "FROM composer:2 AS packages\nWORKDIR /app\nCOPY . .\n"
        "RUN composer install --no-dev --no-interaction --optimize-autoloader --ignore-platform-reqs --no-scripts\n\n"
        f"{assets}FROM php:{version}-apache\nWORKDIR /var/www/html\n{drivers}"
        "RUN a2enmod rewrite && sed -i 's!/var/www/html!/var/www/html/public!' /etc/apache2/sites-available/*.conf\n"
        "COPY --from=packages /app .\n"
        + ("COPY --from=assets /app/public ./public\n" if assets else "")
        + 'RUN chown -R www-data storage bootstrap/cache\nEXPOSE 80\nCMD ["apache2-foreground"]\n'
    )
    return Starter(text=text, why="composer.json")


def elixir(sources: Sources) -> Starter | None:
    """Return a Dockerfile for Phoenix; None where there is none."""
    project = sources.text("mix.exs")
    if "{:phoenix," not in project:
        return None
    lines = (
        f"FROM elixir:1.18-slim\nWORKDIR /app\n{install(['build-essential', 'ca-certificates', 'git'])}"
        "ENV MIX_ENV=prod PHX_SERVER=true\nRUN mix local.hex --force && mix local.rebar --force\nCOPY . .\n"
        "RUN mix deps.get --only prod && mix compile\n"
    )
    if "assets.deploy" in project:
        lines += "RUN mix assets.deploy\n"
    command, listens = "mix phx.server", port(sources, "")
    return Starter(text=file(lines, listens, command), why="mix.exs", command=command, port=listens)


RUST_SERVERS = re.compile(r"^\s*(axum|actix-web|rocket|warp|poem|salvo)\b", re.MULTILINE)


def rust(sources: Sources) -> Starter | None:
    """Return a Dockerfile for a server in Rust; None where the crate is a library, a workspace or no server."""
    crate = sources.text("Cargo.toml")
    name = first(r"^\s*name\s*=\s*\"([\w-]+)\"", crate, "")
    if not name or not sources.has("src/main.rs") or not RUST_SERVERS.search(crate):
        return None
    offline = "ENV SQLX_OFFLINE=true\n" if sources.has(".sqlx") or sources.has("sqlx-data.json") else ""
    locked = " --locked" if sources.has("Cargo.lock") else ""
    listens = port(sources, "")
    rocket = f"ENV ROCKET_ADDRESS=0.0.0.0 ROCKET_PORT={listens}\n" if "rocket" in RUST_SERVERS.findall(crate) else ""
    text = (
        f"FROM rust:1-bookworm AS build\nWORKDIR /src\nCOPY . .\n{offline}"
        f"RUN cargo install{locked} --path . --root /out\n\n"
        f"FROM debian:bookworm-slim\n{install(['ca-certificates', 'libssl3', 'libpq5'])}"
        f'COPY --from=build /out/bin /usr/local/bin\n{rocket}EXPOSE {listens}\nCMD ["{name}"]\n'
    )
    return Starter(text=text, why="Cargo.toml")


def java(sources: Sources) -> Starter | None:
    """Return a Dockerfile for Spring Boot, by Maven or Gradle; None for other programs, and for modules of another."""
    maven, gradle = sources.text("pom.xml"), sources.text("build.gradle") + sources.text("build.gradle.kts")
    if "springframework.boot" not in maven + gradle or not (sources.folder / "src" / "main").is_dir():
        return None
    named = r"<(?:java\.version|maven\.compiler\.release)>(?:1\.)?(\d+)<|(?:JavaLanguageVersion\.of\(|VERSION_)(\d+)"
    match = re.search(named, maven + gradle)
    version = (match[1] or match[2]) if match is not None else "21"
    base, line = f"maven:3-eclipse-temurin-{version}", "mvn -q -DskipTests package"
    if gradle and not maven:
        base, line = f"gradle:8-jdk{version}", "gradle --no-daemon bootJar"
    where = "target" if maven else "build/libs"
    text = (
        f"FROM {base} AS build\nWORKDIR /src\nCOPY . .\nRUN {line}\n"
        f"RUN cp $(ls {where}/*.jar | grep -v -e plain -e sources | head -1) /app.jar\n\n"
        f"FROM eclipse-temurin:{version}-jre\nCOPY --from=build /app.jar /app.jar\n"
        f'EXPOSE {port(sources, "")}\nCMD ["java", "-jar", "/app.jar"]\n'
    )
    return Starter(text=text, why="pom.xml" if maven else "build.gradle")


def dotnet(sources: Sources) -> Starter | None:
    """Return a Dockerfile for ASP.NET Core; None where the folder has no project of it, or one that needs others."""
    projects = sorted(sources.folder.glob("*.csproj"))
    text = sources.text(projects[0].name) if len(projects) == 1 else ""
    if "Microsoft.NET.Sdk.Web" not in text or "<ProjectReference" in text:
        return None
    version = first(r"<TargetFramework>net(?:coreapp)?(\d+\.\d+)<", text, "8.0")
    name = first(r"<AssemblyName>([\w.]+)<", text, projects[0].stem)
    written = (
        f"FROM mcr.microsoft.com/dotnet/sdk:{version} AS build\nWORKDIR /src\nCOPY . .\n"
        f"RUN dotnet publish {projects[0].name} -c Release -o /app\n\n"
        f"FROM mcr.microsoft.com/dotnet/aspnet:{version}\nWORKDIR /app\nCOPY --from=build /app .\n"
        f'ENV ASPNETCORE_URLS=http://+:8080\nEXPOSE 8080\nCMD ["dotnet", "{name}.dll"]\n'
    )
    return Starter(text=written, why=projects[0].name)


BUILDERS = (
    ("vite", "dist"),
    ("react-scripts", "build"),
    ("@vue/cli-service", "dist"),
    ("parcel", "dist"),
    ("astro", "dist"),
)
"""What builds a front end, and the folder with its files."""


def front_end(sources: Sources) -> Starter | None:
    """Return a Dockerfile for a front end that is built once and served as files; None where nothing builds one."""
    package = sources.text("package.json")
    folder = next((where for builder, where in BUILDERS if f'"{builder}"' in package), "")
    if not folder or not re.search(r"\"build\"\s*:", package):
        return None
    configured = next((text for path, text in sources.code.items() if re.fullmatch(r"vite\.config\.\w+", path)), "")
    folder = first(r"outDir\s*:\s*[\"']([\w./-]+)[\"']", configured, folder)
    if folder.startswith(("/", "..")):
        return None
    copied, line = "package*.json", "npm ci" if sources.has("package-lock.json") else "npm install"
    if sources.has("yarn.lock"):
        copied, line = "package.json yarn.lock", "yarn install --frozen-lockfile"
    elif sources.has("pnpm-lock.yaml"):
        copied, line = "package.json pnpm-lock.yaml", "npm install -g pnpm && pnpm install --frozen-lockfile"
    lines = (
        f"FROM node:22-slim\nWORKDIR /app\nCOPY {copied} ./\nRUN {line}\nRUN npm install --no-save serve\nCOPY . .\n"
        "RUN npm run build\n"
    )
    command = f"npx serve -s {folder} -l $PORT"
    return Starter(text=file(lines, "8080", command), why="package.json", command=command, port="8080")
