"""Packages of others, which tests install: one with a plug-in of each kind, one that is broken."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

HERE = Path(__file__).parent


def install(site: Path, *names: str) -> Path:
    """Put packages of this folder into `site` as pip does: module, metadata, entry points."""
    site.mkdir(exist_ok=True)
    for name in names:
        project = tomllib.loads((HERE / name / "pyproject.toml").read_text("utf-8"))["project"]
        module = project["name"].replace("-", "_")
        shutil.copy(HERE / name / f"{module}.py", site)
        info = site / f"{module}-{project['version']}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        )
        lines = []
        for group, points in project["entry-points"].items():
            lines += [f"[{group}]", *(f"{point} = {value}" for point, value in points.items())]
        (info / "entry_points.txt").write_text("\n".join(lines))
    return site
