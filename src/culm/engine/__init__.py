"""The Docker Engine API, for both halves: builds speak to it with `client`, the cluster's agents with `asynchronous`.

Both stand on the same pages: `endpoint` (where the engine listens, found as the docker command finds it), `answers`
(what an engine's refusals look like), `registries` (the logins of docker's configuration file) and `images` (names).
"""
