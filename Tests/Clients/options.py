"""The command line that all clients share.

    CLIENT --url ENDPOINT --token T --mode whip|whep [--tone HZ | --silence] [--level DBFS]
           [--sections N] [--seconds S] [--window-ms MS] [--connect-timeout S]
           [--candidate HOST:PORT]

ENDPOINT is the whole address, such as http://127.0.0.1:7880/whip/CIRCLE. The offer holds
 - `whip`: one section that sends, and N (0 unless told) that only receive;
 - `whep`: N sections (1 unless told) that receive; with a tone or silence the first may also send.
"""

import argparse


def parser(description):
    """An argument parser with the shared options."""
    result = argparse.ArgumentParser(description=description)
    result.add_argument("--url", required=True, help="WHIP or WHEP endpoint")
    result.add_argument("--token", required=True, help="media token, sent as Bearer")
    result.add_argument("--mode", choices=["whip", "whep"], required=True)
    sound = result.add_mutually_exclusive_group()
    sound.add_argument("--tone", type=float, metavar="HZ", help="send a sine tone")
    sound.add_argument("--silence", action="store_true", help="send digital silence")
    result.add_argument("--level", type=float, default=-15.0, help="RMS of the tone in dBFS")
    result.add_argument("--sections", type=int, help="sections that receive")
    result.add_argument("--seconds", type=float, help="leave this long after the start")
    result.add_argument("--window-ms", type=int, default=200, help="length of one measurement")
    result.add_argument("--connect-timeout", type=float, default=20.0, metavar="S")
    result.add_argument(
        "--candidate", metavar="HOST:PORT", help="send there, such as a relay, not to the answer's"
    )
    return result


def parse(arguments_parser):
    """Parses the command line and fills in what follows from the mode."""
    options = arguments_parser.parse_args()
    options.sends = options.tone is not None or options.silence
    if options.mode == "whip" and not options.sends:
        arguments_parser.error("--mode whip needs --tone or --silence")
    if options.sections is None:
        options.sections = 0 if options.mode == "whip" else 1
    if options.mode == "whep" and options.sections < 1:
        arguments_parser.error("--mode whep needs a section")
    return options


def directions(options):
    """The direction of each audio section of the offer, in order."""
    if options.mode == "whip":
        return ["sendonly"] + ["recvonly"] * options.sections
    first = "sendrecv" if options.sends else "recvonly"
    return [first] + ["recvonly"] * (options.sections - 1)
