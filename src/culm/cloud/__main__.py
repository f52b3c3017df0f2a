"""`python -m culm.cloud > docs/coverage.md`"""

import sys

from culm.cloud import load
from culm.wire.coverage import document

load()
sys.stdout.write(document())
