"""Runs a private PulseAudio server without hardware: a softphone's output and a microphone.

    with SoundServer() as server:
        server.play(customer="customer.wav", agent="agent.wav")
        subprocess.run(["voicecoach", "live", *server.sources], env=server.env)

Debian packages: pulseaudio pulseaudio-utils libasound2-plugins libportaudio2.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

START_S = 20.0


def missing() -> str:
    """Return the required programs that are not installed, or ""."""
    return ", ".join(name for name in ("pulseaudio", "pactl", "paplay") if not shutil.which(name))


class SoundServer:
    """A sound server, as a context manager; only programs started with `env` can see it.

    Parameters
    ----------
    rate
        Sample rate of its devices, Hz; 16,000 is voicecoach's own, so nothing is resampled.
    """

    sources = ("--microphone", "agentmic", "--softphone", "softphone.monitor")
    """Options of `voicecoach live` that select its devices."""

    def __init__(self, rate: int = 48_000) -> None:
        self._rate = rate
        self._folder = tempfile.TemporaryDirectory(prefix="voicecoach-sound-")
        run = Path(self._folder.name)
        self.env = {
            **os.environ,
            "HOME": str(run / "home"),
            "XDG_RUNTIME_DIR": str(run),
            "PULSE_RUNTIME_PATH": str(run / "pulse"),
            "PULSE_SERVER": f"unix:{run / 'pulse' / 'native'}",
        }
        for name in ("home", "pulse"):
            (run / name).mkdir()
        self._run = run
        self._server: subprocess.Popen[bytes] | None = None
        self._players: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> SoundServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.silence()
        self.kill()
        self._folder.cleanup()

    def start(self) -> None:
        """Start the server with its devices, and wait for them."""
        socket = self._run / "pulse" / "native"
        socket.unlink(missing_ok=True)
        self._server = subprocess.Popen(
            [
                *("pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1"),
                *("--disallow-exit", "--use-pid-file=no", f"--log-target=file:{self._run}/log"),
                f"--load=module-native-protocol-unix auth-anonymous=1 socket={socket}",
                f"--load=module-null-sink sink_name=softphone rate={self._rate} channels=2",
                f"--load=module-null-sink sink_name=micfeed rate={self._rate} channels=1",
                "--load=module-remap-source source_name=agentmic master=micfeed.monitor",
            ],
            env=self.env,
            stderr=subprocess.DEVNULL,
        )
        until = time.monotonic() + START_S
        while "agentmic" not in self.pactl("list", "short", "sources", check=False):
            if time.monotonic() > until:
                raise RuntimeError(f"PulseAudio did not start: {(self._run / 'log').read_text()}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Kill the server, as a crash would."""
        if self._server:
            self._server.kill()
            self._server.wait()
            self._server = None

    def pactl(self, *command: str, check: bool = True) -> str:
        """Run pactl and return its output."""
        run = subprocess.run(
            ["pactl", *command], env=self.env, capture_output=True, text=True, check=check
        )
        return run.stdout

    def listeners(self) -> int:
        """Return how many streams read from a source, without the remapped microphone's own."""
        return len(self.pactl("list", "short", "source-outputs").splitlines()) - 1

    def unplug_softphone(self) -> None:
        """Remove the softphone's output."""
        for line in self.pactl("list", "short", "modules").splitlines():
            number, _, rest = line.partition("\t")
            if "sink_name=softphone" in rest:
                self.pactl("unload-module", number)

    def plug_softphone(self) -> None:
        """Restore the softphone's output."""
        self.pactl("load-module", "module-null-sink", "sink_name=softphone", f"rate={self._rate}")

    def play(self, **files: str | Path) -> None:
        """Start playing a file as `agent`, as `customer`, or one as each."""
        for who, file in files.items():
            sink = {"agent": "micfeed", "customer": "softphone"}[who]
            command = ["paplay", f"--device={sink}", str(file)]
            self._players.append(subprocess.Popen(command, env=self.env))

    def playing(self) -> bool:
        """Return whether any file is still playing."""
        return any(player.poll() is None for player in self._players)

    def silence(self) -> None:
        """Stop playing."""
        for player in self._players:
            player.kill()
            player.wait()
        self._players.clear()
