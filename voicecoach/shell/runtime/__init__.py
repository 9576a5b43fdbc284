"""What every shell program uses: audio files, threads, files that survive a failing disk."""
