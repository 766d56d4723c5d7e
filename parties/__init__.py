"""Who takes part: one role a file, sessions, launching."""

if __name__ != "mpcgen.parties":
    raise ImportError("import mpcgen.parties; the folder parties/ is not a package of its own")
