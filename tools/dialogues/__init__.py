"""Written calls: reads them, plays them through language and profile, and scores what comes out."""
