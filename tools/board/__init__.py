"""What any tool of the bench needs to talk to a board on a port: loader, console, images, program, journal, words."""
