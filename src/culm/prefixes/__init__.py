"""Python prefixes of images built without an engine: what an image's label says of them, making them, placing them.

A *prefix* is what `sys.prefix` names: a folder with `bin` and `lib/pythonX.Y/site-packages`. A Dockerfile fills some:
virtual environments, the base image's own Python, `--prefix`, `--user`, `--target`. The host builder does not pack
what they hold. It describes each by the install commands that fill it (`label.py`); a machine makes it once, by its
key (`make.py`); and each container gets it at the paths where the image has it (`place.py`).

Both halves stand on this room: a build makes prefixes to find out that they can be made, and to run what comes after
(`manage.py collectstatic`); the process runtime makes and places them for its containers.
"""
