"""What shows a live call: the overlay, the page in a browser, the terminal."""
