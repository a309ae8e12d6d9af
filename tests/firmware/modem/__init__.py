"""AT engine, driver, voice and sockets, against streams in memory."""
