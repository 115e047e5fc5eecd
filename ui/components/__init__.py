"""Our own browser components: plain HTML, CSS and JavaScript, no build step, no outside request."""
