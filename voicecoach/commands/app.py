"""Defines the command line; each command imports only what it runs."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from voicecoach.commands import baseline as baseline_commands
from voicecoach.commands import journal, models, score
from voicecoach.commands import report as reports
from voicecoach.commands.batch import batch
from voicecoach.commands.common import (
    AboutOption,
    AudioOption,
    CarefulOption,
    ChannelsOption,
    ConfigOption,
    CuesOption,
    ModelOption,
    MonoOption,
    RawOption,
    ReportAudio,
    SetOption,
    SinksOption,
    SwapOption,
    TranscribeOption,
    TranscriberOption,
    fail,
    load_rules,
    load_settings,
    missing_phrases,
    parse_channel_mapping,
    parse_mono,
    parse_raw,
)
from voicecoach.commands.diff import diff
from voicecoach.commands.export import export
from voicecoach.commands.plugins import list_plugins
from voicecoach.errors import EXIT_UNUSABLE, DeviceError
from voicecoach.shell.runtime.stderr import print_to_stderr
from voicecoach.shell.views.rich_text import safe_text
from voicecoach.version import __version__

if TYPE_CHECKING:
    from voicecoach.config import Config
    from voicecoach.shell.apps.replay import ReplayOptions, ReplaySource


app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="A real-time tone monitor for phone calls: quiet cues beside your softphone.",
)

OutOption = Annotated[Path, typer.Option(help="Folder for the results; each call gets its own.")]
SpeedOption = Annotated[
    float | None,
    typer.Option(min=0.1, help="Replay speed: 1 is real time. Default: as fast as possible."),
]
FramesOption = Annotated[
    bool, typer.Option("--frames", help="Also log a prosody event for each hop.")
]
ReportOption = Annotated[
    bool,
    typer.Option(
        "--report/--no-report", help="Write the report: a page with the timeline and the audio."
    ),
]


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("voicecoach-demo"),
    speed: SpeedOption = None,
    frames: FramesOption = False,
    transcribe: TranscribeOption = True,
    model: ModelOption = None,
    report: ReportOption = True,
    audio: AudioOption = ReportAudio.INLINE,
    config: ConfigOption = None,
) -> None:
    """Replay the recorded call that comes with voicecoach."""
    from voicecoach.shell.apps.replay import ReplayOptions
    from voicecoach.shell.runtime.recorded_call import RecordedCall
    from voicecoach.shell.runtime.resources import SAMPLE_CALL, resource

    path = resource("samples", SAMPLE_CALL)
    settings = load_settings(config, model, transcribe)
    options = ReplayOptions(out, frames, speed, report, audio)
    _run_replay([(path, partial(RecordedCall.from_stereo, path))], settings, options)


@app.command()
def replay(
    calls: Annotated[
        list[Path] | None, typer.Argument(help="Recordings, one per call.", metavar="CALL...")
    ] = None,
    out: OutOption = Path("voicecoach-out"),
    channels: ChannelsOption = None,
    swap: SwapOption = False,
    agent: Annotated[
        Path | None, typer.Option(help="Mono recording of the agent; use with --customer.")
    ] = None,
    customer: Annotated[
        Path | None, typer.Option(help="Mono recording of the customer; use with --agent.")
    ] = None,
    mono: MonoOption = None,
    raw: RawOption = None,
    as_heard: Annotated[
        bool,
        typer.Option(
            "--as-heard",
            help="Repeat a recorded live call: words, pauses and marks at their original times.",
        ),
    ] = False,
    speed: SpeedOption = None,
    events: Annotated[
        Path | None,
        typer.Option(help="Also write the event log to this file (one call only).", metavar="FILE"),
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(help="Compare the agent with the baseline in this file.", metavar="FILE"),
    ] = None,
    learn: Annotated[
        bool, typer.Option("--learn", help="Update the --baseline file with each call.")
    ] = False,
    journal: Annotated[
        bool, typer.Option("--journal/--no-journal", help="Add each call to your journal.")
    ] = False,
    frames: FramesOption = False,
    cues: CuesOption = None,
    transcribe: TranscribeOption = True,
    transcriber: TranscriberOption = None,
    model: ModelOption = None,
    about: AboutOption = None,
    careful: CarefulOption = False,
    sink: SinksOption = None,
    report: ReportOption = False,
    audio: AudioOption = ReportAudio.INLINE,
    config: ConfigOption = None,
    change: SetOption = None,
) -> None:
    """Replay recorded calls with the same engine and cues as live."""
    calls = calls or []
    if events and len(calls) > 1:
        fail("--events takes one call; with several, each folder has its own events.jsonl")
    if (agent is None) != (customer is None):
        fail("use --agent and --customer together, each with a mono recording")
    if agent and (calls or mono or channels or swap):
        fail(
            "--agent and --customer already name the whole call: leave out CALL, --mono, "
            "--channels and --swap"
        )
    if as_heard and (agent or mono or channels or swap or raw or model or about):
        fail(
            "--as-heard uses the recording's own channels and words: leave out --agent, --mono, "
            "--channels, --raw, --model and --about"
        )
    if about and len(calls) > 1:
        fail("--about tells of one call: replay the others without it")
    if learn and not baseline:
        fail("--learn needs --baseline FILE, the file to update")
    if not agent and not calls:
        fail("name a recording: voicecoach replay CALL")
    from voicecoach.shell.apps.replay import ReplayOptions
    from voicecoach.shell.runtime.audio_files import ReadOptions
    from voicecoach.shell.runtime.recorded_call import RecordedCall

    mapping = parse_channel_mapping(channels, swap=swap, mono=mono)
    raw_format = parse_raw(raw)
    settings = load_settings(
        config, model, transcribe, cues=cues, transcriber=transcriber, sinks=sink, changes=change,
        about=about,
        careful=careful,
    )  # fmt: skip
    reading = ReadOptions(raw_format, settings.replay.max_hours)
    if agent and customer:
        pair = partial(RecordedCall.from_pair, agent, customer, reading)
        sources: list[ReplaySource] = [(agent, pair)]
    elif speaker := parse_mono(mono):
        alone = partial(RecordedCall.from_mono, speaker=speaker, options=reading)
        sources = [(path, partial(alone, path)) for path in calls]
    else:
        mapped = channels is not None
        both = partial(RecordedCall.from_stereo, channels=mapping, mapped=mapped, options=reading)
        sources = [(path, partial(both, path)) for path in calls]
    options = ReplayOptions(
        out, frames, speed, report, audio, events, baseline, learn, journal, as_heard
    )
    _run_replay(sources, settings, options)


@app.command()
def live(
    out: OutOption = Path("voicecoach-out"),
    view: Annotated[
        str | None,
        typer.Option(
            help="auto, overlay, browser, console, none, or a view in `voicecoach plugins`.",
            metavar="NAME",
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Audio source, as listed by `voicecoach plugins`.", metavar="NAME"),
    ] = None,
    microphone: Annotated[
        str | None, typer.Option(help="The agent's microphone, as listed by `voicecoach devices`.")
    ] = None,
    softphone: Annotated[
        str | None,
        typer.Option(
            help="The output that the softphone plays on, as listed by `voicecoach devices`."
        ),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Capture nothing until you press Start.")
    ] = False,
    consent: Annotated[
        bool,
        typer.Option("--consent", help="Print the notice to read to the customer, and log it."),
    ] = False,
    record: Annotated[
        bool, typer.Option("--record", help="Record the audio (by default none is kept).")
    ] = False,
    baseline: Annotated[
        bool, typer.Option(help="Compare you with your own baseline and update it with each call.")
    ] = True,
    journal: Annotated[
        bool | None, typer.Option("--journal/--no-journal", help="Add each call to your journal.")
    ] = None,
    metrics: Annotated[
        bool, typer.Option("--metrics", help="Serve Prometheus metrics, at /metrics.")
    ] = False,
    port: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65535,
            help="Port for the page, the metrics and `tell`. Default: any free port.",
        ),
    ] = None,
    cues: CuesOption = None,
    transcribe: TranscribeOption = True,
    transcriber: TranscriberOption = None,
    model: ModelOption = None,
    about: AboutOption = None,
    sink: SinksOption = None,
    config: ConfigOption = None,
    change: SetOption = None,
) -> None:
    """Monitor live calls beside your softphone and show cues."""
    from voicecoach.config import override_config
    from voicecoach.shell.apps.live import LiveOptions, run_live
    from voicecoach.shell.apps.replay import start_transcribers
    from voicecoach.shell.control.call_file import only_session

    sinks = [*(sink or ()), *(["metrics"] if metrics else ())]
    settings = load_settings(
        config, model, transcribe, cues=cues, transcriber=transcriber, sinks=sinks, changes=change,
        about=about,
    )  # fmt: skip
    for key, value in (
        ("live.microphone", microphone),
        ("live.softphone", softphone),
        ("live.source", source),
        ("live.view", view),
        ("live.port", port),
    ):
        if value is not None:
            settings = override_config(settings, key, value)
    options = LiveOptions(
        out, wait=wait, consent=consent, record=record, learn=baseline,
        journal=settings.journal.enabled if journal is None else journal,
    )  # fmt: skip
    with ExitStack() as stack:
        stack.enter_context(only_session())
        transcribers, no_words = start_transcribers(settings, stack, most=1, live=True)
        run_live(settings, load_rules(settings), transcribers, no_words, options)


@app.command()
def devices(config: ConfigOption = None) -> None:
    """List audio sources and mark the ones that would be used."""
    from voicecoach.shell.apps.built_in import built_in_plugins, open_source
    from voicecoach.shell.capture.ears import pick_source
    from voicecoach.shell.runtime.plugins import Registry
    from voicecoach.types.stream import Speaker

    settings = load_settings(config)
    sources = open_source(Registry(built_in_plugins(settings)), settings).sources()
    choices = {}
    for speaker in Speaker:
        with suppress(DeviceError):
            choices[speaker] = pick_source(sources, speaker, "")
    table = Table("who", "kind", "name", "what it is")
    for source in sources:
        who = [speaker for speaker, choice in choices.items() if choice == source]
        table.add_row(", ".join(who), source.kind, *map(safe_text, (source.name, source.label)))
    Console().print(table)


@app.command()
def tell(
    word: Annotated[
        str,
        typer.Argument(
            help="pause, next, decline, undo, helpful, wrong, click-through, quit.", metavar="WORD"
        ),
    ],
) -> None:
    """Control the running call; bind it to a hotkey."""
    from voicecoach.shell.control.tell import send_command

    if answer := send_command(word):
        typer.echo(answer)


app.command("report")(reports.report)
app.command()(score.score)
app.command()(export)
app.command()(diff)
app.command()(batch)
app.command("plugins")(list_plugins)
app.add_typer(journal.app, name="journal")
app.add_typer(models.app, name="models")
app.add_typer(baseline_commands.app, name="baseline")


@app.command("config")
def show_config(config: ConfigOption = None) -> None:
    """Print the configuration in effect, each key with its meaning and unit."""
    from voicecoach.config import config_to_toml

    settings = load_settings(config)
    typer.echo(config_to_toml(settings), nl=False)
    if missing := missing_phrases(settings):
        print_to_stderr(missing)


@app.command("cues")
def list_cues(
    config: ConfigOption = None,
    cues: CuesOption = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print it as Markdown (docs/cues.md).")
    ] = False,
) -> None:
    """List the cues, and the signals that rules can use."""
    from voicecoach.views import catalogue

    settings = load_settings(config, cues=cues)
    rules = load_rules(settings)
    if markdown:
        typer.echo(catalogue.cue_catalogue_markdown(rules), nl=False)
        return
    console = Console()
    for table in catalogue.catalogue_tables(rules):
        shown = Table(*table.columns, title=table.title)
        for row in table.rows:
            shown.add_row(*map(safe_text, row))
        console.print(shown)
    if missing := missing_phrases(settings):
        print_to_stderr(missing)


@app.command()
def doctor(config: ConfigOption = None) -> None:
    """Check what works on this machine and what to install for the rest."""
    from voicecoach.shell.apps.doctor import run_checks

    settings = load_settings(config)
    findings = run_checks(settings, load_rules(settings))
    width = max(len(finding.what) for finding in findings)
    for finding in findings:
        mark = "yes" if finding.ok else "NO" if finding.needed else "no"
        line = f"{mark:<3}  {finding.what:<{width}}  {finding.found}"
        Console().print(safe_text(line), soft_wrap=True)  # what is to be copied stays one line
    if any(finding.needed and not finding.ok for finding in findings):
        raise typer.Exit(EXIT_UNUSABLE)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


# --- helpers --------------------------------------------------------------------------------


def _run_replay(sources: list[ReplaySource], settings: Config, options: ReplayOptions) -> None:
    from voicecoach.shell.apps.replay import replay_all

    if not replay_all(sources, settings, load_rules(settings), options):
        raise SystemExit(EXIT_UNUSABLE)
