"""The command line as `python -m mpcgen`."""

from mpcgen.cli import main

main(prog_name="mpcgen")
