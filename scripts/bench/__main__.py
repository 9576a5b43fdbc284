"""Install the requirements into `.venv` and run the replay benchmark: `python3 scripts/bench`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.support import environment

if __name__ == "__main__":
    environment.enter("requirements-dev.lock")
    sys.exit(environment.run("scripts.bench.replay", *sys.argv[1:]))
