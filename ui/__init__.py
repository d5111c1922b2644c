"""Photos captioned before one's eyes: in a window, in the browser."""
