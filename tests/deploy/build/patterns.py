"""Dockerfiles as people write them: twenty of Python, six of Node.js, each with what its command prints."""

import io
import tarfile
from pathlib import Path

from tests.deploy.build.index import PROJECT

HOME = "/root"
APP = {"requirements.txt": "tinyweb\n", "app.py": "name = 'app'\n"}
SERVED = ["serving app tinydep"]

PYTHON: dict[str, tuple[dict[str, str], str, list[str]]] = {
    "requirements and a server": (
        APP,
        """\
FROM python:3.11-slim
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
EXPOSE 8000
CMD ["tinyserve", "app:name"]
""",
        SERVED,
    ),
    "another version of Python than this machine's": (
        APP,
        "FROM python:3.8-slim\nWORKDIR /app\nCOPY . .\nRUN pip3 install -r requirements.txt\nCMD tinyserve app:name\n",
        SERVED,
    ),
    "an entrypoint script in /usr/local/bin, work in /usr/local/app": (
        {**APP, "entry.sh": '#!/bin/sh\nset -e\necho starting\nexec "$@"\n'},
        """\
FROM python:3.11
WORKDIR /usr/local/app
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY app.py .
COPY entry.sh /usr/local/bin/
RUN chmod +x /usr/local/bin/entry.sh
ENTRYPOINT ["entry.sh"]
CMD ["python", "-m", "tinyweb_main"]
""".replace('"python", "-m", "tinyweb_main"', '"tinyserve", "app:name"'),
        ["starting", *SERVED],
    ),
    "an entrypoint script that names the image's folders": (
        {
            **APP,
            "public/name.py": "name = 'public'\n",
            "bin/entry": '#!/usr/bin/env bash\nset -e\n\n# into /app\ncp -r /public /app\n. /app/bin/more\nexec "$@"\n',
            "bin/more": "cd /app/public\n",
        },
        """\
FROM python:3.11
WORKDIR /app
COPY requirements.txt .
RUN pip install -r requirements.txt
COPY bin bin
COPY public /public
RUN chmod 755 bin/*
ENTRYPOINT ["/app/bin/entry"]
CMD ["tinyserve", "name:name"]
""",
        ["serving public tinydep"],
    ),
    "pip upgraded, then a virtual environment first on PATH": (
        APP,
        """\
FROM python:3.11
WORKDIR /app
RUN pip install --upgrade tinydep && python -m venv /opt/venv
ENV PATH="/opt/venv/bin:$PATH"
COPY . .
RUN pip install -r requirements.txt
CMD ["python", "-c", "import sys, tinyweb; sys.argv[1:] = ['app:name']; tinyweb.main(); print(sys.prefix[-9:])"]
""",
        [*SERVED, "/opt/venv"],
    ),
    "a virtual environment copied between stages": (
        APP,
        """\
FROM python:3.11 AS builder
RUN python -m venv /opt/venv
ENV PATH="/opt/venv/bin:$PATH"
COPY requirements.txt .
RUN pip install -r requirements.txt
FROM python:3.11-slim
COPY --from=builder /opt/venv /opt/venv
WORKDIR /app
COPY app.py .
ENV PATH="/opt/venv/bin:$PATH"
CMD ["tinyserve", "app:name"]
""",
        SERVED,
    ),
    "wheels built in one stage and installed in another": (
        APP,
        """\
FROM python:3.11 AS builder
WORKDIR /build
COPY requirements.txt .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels -r requirements.txt
FROM python:3.11-slim
COPY --from=builder /wheels /wheels
COPY --from=builder /build/requirements.txt .
RUN pip install --no-cache /wheels/* && rm -rf /wheels
WORKDIR /srv
COPY app.py .
CMD ["tinyserve", "app:name"]
""",
        SERVED,
    ),
    "wheels found by --find-links through a mount": (
        APP,
        """\
FROM python:3.11 AS builder
COPY requirements.txt .
RUN pip wheel -w /wheels -r requirements.txt
FROM python:3.11-slim
WORKDIR /srv
COPY . .
RUN --mount=type=bind,from=builder,source=/wheels,target=/wheels \\
    pip install --no-index --find-links=/wheels -r requirements.txt
CMD ["tinyserve", "app:name"]
""",
        SERVED,
    ),
    "--user, copied with the home folder": (
        APP,
        """\
FROM python:3.11 AS builder
COPY requirements.txt .
RUN pip install --user -r requirements.txt
FROM python:3.11-slim
COPY --from=builder HOME/.local HOME/.local
ENV PATH=HOME/.local/bin:$PATH
WORKDIR /app
COPY app.py .
CMD ["tinyserve", "app:name"]
""",
        SERVED,
    ),
    "--user as somebody else, run as a module": (
        APP,
        """\
FROM python:3.11
RUN useradd -m app
USER app
WORKDIR /home/app
COPY --chown=app:app . .
RUN pip install -r requirements.txt
CMD ["python", "-c", "import tinydep; print(tinydep.__name__)"]
""",
        ["tinydep"],
    ),
    "--prefix=/install, copied to /usr/local": (
        APP,
        """\
FROM python:3.11 AS b
COPY requirements.txt /requirements.txt
RUN pip install --prefix=/install -r /requirements.txt
FROM python:3.11-alpine
COPY --from=b /install /usr/local
COPY app.py /app/
WORKDIR /app
CMD ["tinyserve", "app:name"]
""",
        SERVED,
    ),
    "site-packages and bin copied": (
        APP,
        """\
FROM python:3.12 AS b
COPY requirements.txt /requirements.txt
RUN pip install -r /requirements.txt
FROM python:3.12-slim
COPY --from=b /usr/local/lib/python3.12/site-packages /usr/local/lib/python3.12/site-packages
COPY --from=b /usr/local/bin /usr/local/bin
COPY app.py /app/
WORKDIR /app
CMD ["tinyserve", "app:name"]
""",
        SERVED,
    ),
    "--target on PYTHONPATH": (
        APP,
        """\
FROM python:3.11
WORKDIR /app
COPY . .
RUN pip install -r requirements.txt --target=/app/libs
ENV PYTHONPATH=/app/libs
CMD ["python", "-c", "import tinydep; print(tinydep.__name__)"]
""",
        ["tinydep"],
    ),
    "pip install . from pyproject.toml": (
        PROJECT,
        'FROM python:3.11\nWORKDIR /src\nCOPY . .\nRUN pip install .\nWORKDIR /\nCMD ["shop"]\n',
        ["shop tinydep"],
    ),
    "pip install -e . through a requirement file": (
        {**PROJECT, "requirements/base.txt": "tinydep\n", "requirements/dev.txt": "-r base.txt\n-e .\n"},
        "FROM python:3.11\nWORKDIR /src\nCOPY . .\nRUN pip install -r requirements/dev.txt\n"
        'CMD ["python", "-c", "import shop; print(shop.__file__[-24:])"]\n',
        ["/src/src/shop/__init__.py"[-24:]],
    ),
    "a wheel of the project itself": (
        PROJECT,
        """\
FROM python:3.11 AS build
WORKDIR /src
COPY . .
RUN pip install build && python -m build --wheel
FROM python:3.11-slim
COPY --from=build /src/dist/*.whl /tmp/
RUN pip install /tmp/*.whl && rm /tmp/*.whl
CMD ["shop"]
""".replace("pip install build && ", ""),
        ["shop tinydep"],
    ),
    "uv pip install --system": (
        APP,
        """\
FROM python:3.11
COPY --from=ghcr.io/astral-sh/uv:latest /uv /bin/uv
WORKDIR /app
COPY . .
RUN uv pip install --system --no-cache -r requirements.txt
CMD ["tinyserve", "app:name"]
""",
        SERVED,
    ),
    "uv venv with VIRTUAL_ENV": (
        APP,
        """\
FROM ghcr.io/astral-sh/uv:python3.11-bookworm-slim
ENV VIRTUAL_ENV=/opt/venv PATH=/opt/venv/bin:$PATH
RUN uv venv /opt/venv
WORKDIR /app
COPY . .
RUN uv pip install -r requirements.txt
CMD ["tinyserve", "app:name"]
""",
        SERVED,
    ),
    "collectstatic before the start": (
        {
            **APP,
            "manage.py": "import os, sys, tinydep\nos.makedirs('static', exist_ok=True)\n"
            "open('static/' + sys.argv[1], 'w').write('done')\n",
            "app.py": "name = open('static/collectstatic').read()\n",
        },
        """\
FROM python:3.11
ENV PYTHONUNBUFFERED=1
WORKDIR /usr/src/app
COPY . .
RUN pip install -r requirements.txt
RUN python manage.py collectstatic --noinput
CMD ["tinyserve", "app:name"]
""",
        ["serving done tinydep"],
    ),
    "files copied, moved and written by RUN": (
        {**APP, "settings.prod": "name = 'set'\n"},
        """\
FROM python:3.11
WORKDIR /app
COPY . .
RUN pip install -r requirements.txt && cp settings.prod settings.py && mkdir -p data \\
 && mv app.py old.py && echo "from settings import name" > app.py && rm -rf /var/lib/apt/lists/*
RUN sed -i 's/settings import/settings  import/' app.py && ln -s app.py link.py && chmod 644 app.py
CMD ["tinyserve", "link:name"]
""",
        ["serving set tinydep"],
    ),
    "conditions in a RUN": (
        {**APP, "dev.txt": "tinydep\n"},
        """\
FROM python:3.11
ARG ENV=dev
WORKDIR /app
COPY . .
RUN if [ "$ENV" = "dev" ]; then pip install -r dev.txt; else pip install nowhere-to-be-found; fi
CMD ["python", "-c", "import tinydep; print(tinydep.__name__)"]
""",
        ["tinydep"],
    ),
    "ubuntu's own Python": (
        APP,
        """\
FROM ubuntu:24.04
RUN apt-get update && apt-get install -y python3 python3-pip && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY . .
RUN pip3 install --break-system-packages -r requirements.txt
CMD ["/usr/bin/python3", "-c", "import tinydep; print(tinydep.__name__)"]
""",
        ["tinydep"],
    ),
}


PACKAGE = '{"name": "shop", "version": "1.0.0", "dependencies": {"tiny": "file:tiny-1.0.0.tgz"}, "scripts": {SCRIPTS}}'
SERVER = "console.log('serving', require('tiny'))\n"
NODE_FILES = {
    "package.json": PACKAGE.replace("{SCRIPTS}", '{"start": "node server.js", "build": "node build.js"}'),
    "server.js": SERVER,
    "build.js": "const fs = require('fs'); fs.mkdirSync('dist'); fs.copyFileSync('server.js', 'dist/server.js')\n",
    ".dockerignore": "node_modules\ndist\n",
}

NODE: dict[str, tuple[str, str]] = {
    "npm ci with a lock": (
        "npm",
        """\
FROM node:22-alpine
WORKDIR /usr/src/app
COPY package*.json tiny-1.0.0.tgz ./
RUN npm install --package-lock-only && npm ci --omit=dev
COPY . .
USER node
CMD ["node", "server.js"]
""",
    ),
    "npm install and npm start": (
        "npm",
        """\
FROM node:20
WORKDIR /app
COPY package.json *.tgz ./
RUN npm install --production && npm cache clean --force
COPY . .
ENV PORT=3000
EXPOSE ${PORT}
CMD ["npm", "start", "--silent"]
""",
    ),
    "a build in one stage, dist and node_modules copied": (
        "npm",
        """\
FROM node:20 AS build
WORKDIR /app
COPY package*.json *.tgz ./
RUN npm install
COPY . .
RUN npm run build
FROM node:20-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
CMD ["node", "dist/server.js"]
""",
    ),
    "node_modules moved above the work, behind an init": (
        "npm",
        """\
FROM node:18-slim
RUN apt-get update && apt-get install -y --no-install-recommends tini && rm -rf /var/lib/apt/lists/*
WORKDIR /usr/local/app
COPY package*.json *.tgz ./
RUN npm install && npm cache clean --force && mv /usr/local/app/node_modules /node_modules
COPY . .
ENTRYPOINT ["/nowhere/tini", "--"]
CMD ["node", "server.js"]
""",
    ),
    "yarn": (
        "yarn",
        'FROM node:20\nWORKDIR /app\nCOPY . .\nRUN yarn install --production\nCMD ["yarn", "--silent", "start"]\n',
    ),
    "pnpm": (
        "pnpm",
        'FROM node:20\nRUN corepack enable\nWORKDIR /app\nCOPY . .\nRUN pnpm install\nCMD ["node", "server.js"]\n',
    ),
}


def tarball(path: Path) -> None:
    """An npm package that needs no registry."""
    with tarfile.open(path, "w:gz") as archive:
        for name, text in {
            "package/package.json": '{"name": "tiny", "version": "1.0.0", "main": "index.js"}',
            "package/index.js": "module.exports = 'tiny'\n",
        }.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
