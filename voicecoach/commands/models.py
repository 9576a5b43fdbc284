"""`voicecoach models`: lists, installs and checks transcription models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from voicecoach.shell.views.rich_text import safe_text

if TYPE_CHECKING:
    from voicecoach.shell.asr.model_inventory import Figures
    from voicecoach.shell.asr.model_places import KnownModel

app = typer.Typer(
    no_args_is_help=True,
    help="Transcription models: list what is here, install one, check their files.",
)


@app.command("list")
def list_models() -> None:
    """List the models: what they are for, where they are, and what was measured."""
    from voicecoach.shell.asr.model_fetch import hub_models
    from voicecoach.shell.asr.model_inventory import BOTH, read_figures
    from voicecoach.shell.asr.model_places import KNOWN_MODELS, TINY_EN

    console, measured = Console(), read_figures()
    for model in KNOWN_MODELS.values():
        _print_rows(console, model.name, _about(model) + _measured(measured.get(model.name)))
    if figures := measured.get(BOTH):
        _print_rows(console, "both together", _measured(figures))
    for name, folder in hub_models().items():
        if name != TINY_EN.name:
            size = sum(path.stat().st_size for path in folder.iterdir())
            rows = [("for", f"--model {name}"), ("here", f"{folder}, {size / 1e6:.0f} MB")]
            _print_rows(console, name, rows)


@app.command("install")
def install_model(
    name: Annotated[
        str, typer.Argument(help="A model of the list, or any that faster-whisper knows.")
    ],
) -> None:
    """Fetch a model, check it, and prepare it for use."""
    from voicecoach.shell.asr.model_fetch import fetch_model
    from voicecoach.shell.asr.model_places import MOONSHINE_BASE
    from voicecoach.shell.asr.moonshine_files import moonshine_folder, remove_other_conversions
    from voicecoach.shell.views.progress_bar import shown_progress

    with shown_progress(name) as progress:
        place = fetch_model(name, progress)
        if name == MOONSHINE_BASE.name:
            moonshine_folder(progress)
            remove_other_conversions()
    Console().print(safe_text(f"{name}: ready, from {place}"), soft_wrap=True)


@app.command("check")
def check_models() -> None:
    """Compare the files of every model that is here with their checksums."""
    from voicecoach.shell.asr import model_inventory

    wrong = False
    for checked in model_inventory.check_models():
        wrong = wrong or bool(checked.wrong)
        mark, said = ("WRONG", checked.wrong) if checked.wrong else ("ok", checked.place)
        Console().print(safe_text(f"{mark:<5}  {checked.name}: {said}"), soft_wrap=True)
    if wrong:
        raise typer.Exit(1)


# --- helpers --------------------------------------------------------------------------------


def _about(model: KnownModel) -> list[tuple[str, str]]:
    """Return what is known of a model, and where it is, in rows of two texts."""
    from voicecoach.errors import ModelError
    from voicecoach.shell.asr.model_places import MOONSHINE_BASE, find_model, model_checksums
    from voicecoach.shell.asr.moonshine_files import converted_folder, is_converted

    release, digest = model.release, model_checksums(model)[model.weights]
    rows = [
        ("for", model.role),
        ("model", f"{model.maker}; licence {model.licence}"),
        ("source", f"package {release.package} {release.version}, {model.megabytes} MB"),
        ("SHA-256", f"{digest[:8]}... ({model.weights})"),
    ]
    try:
        found = find_model(model)
        rows.append(("here", f"{found.place}: {found.folder}, checked"))
        rows += [("skipped", why) for why in found.skipped]
    except ModelError as e:
        rows.append(("here", f"no: {e}"))
    if model is MOONSHINE_BASE and is_converted():
        rows.append(("converted", f"{converted_folder()}, checked"))
    return rows


def _measured(figures: Figures | None) -> list[tuple[str, str]]:
    """Return what was measured of a model, in rows of two texts."""
    if figures is None:
        return [("measured", "not yet")]
    errors = ", ".join(f"{audio} {errors} %" for audio, errors in figures.word_errors.items())
    cores = ", ".join(f"{audio} {cores}" for audio, cores in figures.cores.items())
    return [
        ("word errors", errors),
        ("cores", f"{cores}; memory {figures.memory_mb} MB"),
        ("measured", f"by {figures.printed_by}: docs/figures.md"),
    ]


def _print_rows(console: Console, title: str, rows: list[tuple[str, str]]) -> None:
    console.print(safe_text(title, "bold"), soft_wrap=True)
    for what, said in rows:  # a path that is to be copied stays one line
        console.print(safe_text(f"  {what:<12} {said}"), soft_wrap=True)
