"""The paper: engines and statistics, without sockets, files, clocks or environment."""

if __name__ != "mpcgen.protocols":
    raise ImportError("import mpcgen.protocols; the folder protocols/ is not a package of its own")
