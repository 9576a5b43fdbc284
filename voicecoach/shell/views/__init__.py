"""Views that show a live call: the overlay, the browser page and the terminal."""
